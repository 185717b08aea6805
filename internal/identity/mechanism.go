package identity

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"

	"github.com/emersion/go-sasl"
)

// Mechanism is a SASL mechanism that a server can advertise.
type Mechanism struct {
	Name string // in upper case
	// Exposes says that the client sends the password or token itself. Anybody who reads the connection then knows it.
	Exposes bool
	// Needs is what the authority must be able to answer.
	Needs Need
	// OnRequest says that the server advertises the mechanism only if a scenario asks for it.
	OnRequest bool
	// Server begins the server's side of an exchange. Its Next returns the error of Decide unchanged, or ErrMalformed
	// for a response that isn't valid in this mechanism.
	Server func(Exchange) sasl.Server
}

// Exchange is what the server's side of a mechanism works with.
type Exchange struct {
	Context   context.Context // ends with the connection
	Authority Authority
	Protocol  string              // of the door: smtp, imap or pop3
	Peer      []*x509.Certificate // presented by the client, its own first; empty in clear
	// Decide is called once, when the client has sent everything. A refusal is a *Refusal.
	Decide func(Attempt) error
}

// Mechanisms lists the mechanisms that mailrig implements, best first.
func Mechanisms() []Mechanism {
	return []Mechanism{
		plainMechanism,
		loginMechanism,
		xoauth2Mechanism,
		oauthbearerMechanism,
	}
}

// OnRequest lists the names of the mechanisms that the server advertises only if a scenario asks for them.
func OnRequest() (names []string) {
	for _, m := range Mechanisms() {
		if m.OnRequest {
			names = append(names, m.Name)
		}
	}
	return names
}

// LoginNames lists the possible values of Attempt.Mechanism: mechanisms that are always advertised, then commands, then
// mechanisms on request.
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

// Find returns the mechanism with this name.
func Find(list []Mechanism, name string) (Mechanism, bool) {
	for _, m := range list {
		if m.Name == name {
			return m, true
		}
	}
	return Mechanism{}, false
}

// ErrMechanism says that the server doesn't advertise a mechanism.
var ErrMechanism = errors.New("SASL mechanism not supported")

// ErrMalformed says that the client's response isn't valid in this mechanism.
var ErrMalformed = errors.New("malformed SASL response")
