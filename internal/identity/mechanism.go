package identity

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"

	"github.com/emersion/go-sasl"
)

// Mechanism is a SASL mechanism that a server can offer.
type Mechanism struct {
	Name string // in upper case
	// Exposes says that the client sends its password or token itself, which whoever
	// reads the connection then knows.
	Exposes bool
	// Needs is what the authority must be able to answer.
	Needs Need
	// OnRequest says that the mechanism is offered only where a scenario asks for it.
	OnRequest bool
	// Server begins the server's side of an exchange. Its Next returns what Decide
	// returned, unchanged, or ErrMalformed for a response that the mechanism doesn't know.
	Server func(Exchange) sasl.Server
}

// Exchange is what the server's side of a mechanism has to work with.
type Exchange struct {
	Context   context.Context // the connection's
	Authority Authority
	Peer      []*x509.Certificate // presented by the client, its own first; none in clear
	// Decide is asked once, when the client has said everything. A refusal is a *Refusal.
	Decide func(Attempt) error
}

// Mechanisms lists those that a server has, best first.
func Mechanisms() []Mechanism {
	return []Mechanism{
		plainMechanism,
		loginMechanism,
		xoauth2Mechanism,
		oauthbearerMechanism,
	}
}

// OnRequest lists the names of the mechanisms that are offered only where a scenario
// asks for them.
func OnRequest() (names []string) {
	for _, m := range Mechanisms() {
		if m.OnRequest {
			names = append(names, m.Name)
		}
	}
	return names
}

// LoginNames lists what an Attempt's Mechanism can be: those that are always offered, the
// commands, and those on request.
func LoginNames() (names []string) {
	for _, m := range Mechanisms() {
		if !m.OnRequest {
			names = append(names, m.Name)
		}
	}
	for _, c := range []Command{LoginCommand, UserCommand} {
		if !slices.Contains(names, string(c)) {
			names = append(names, string(c))
		}
	}
	return append(names, OnRequest()...)
}

// Find returns the mechanism of that name.
func Find(list []Mechanism, name string) (Mechanism, bool) {
	for _, m := range list {
		if m.Name == name {
			return m, true
		}
	}
	return Mechanism{}, false
}

// ErrMechanism says that a mechanism isn't offered.
var ErrMechanism = errors.New("SASL mechanism not supported")

// ErrMalformed is returned by an exchange's Next when the client's response
// isn't what the mechanism asks for.
var ErrMalformed = errors.New("malformed SASL response")
