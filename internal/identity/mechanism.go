package identity

import (
	"context"
	"crypto/x509"
	"errors"

	"github.com/emersion/go-sasl"
)

// Mechanism is a SASL mechanism that a server can advertise.
type Mechanism struct {
	Name string // in upper case
	// Exposes says that the client sends the password or token itself. Anybody who reads the connection then knows it.
	Exposes bool
	// Needs is what the authority must be able to answer.
	Needs Need
	// ByName says that the mechanism belongs to no set of Offer: it is advertised only to those who name it.
	ByName bool
	// InTLS says that the mechanism works only inside TLS, and isn't advertised elsewhere.
	InTLS bool
	// Server begins the server's side of an exchange. Its Next returns the error of Decide unchanged, or ErrMalformed
	// for a response that isn't valid in this mechanism.
	Server func(Exchange) sasl.Server
}

// Exchange is what the server's side of a mechanism works with.
type Exchange struct {
	Context   context.Context // ends with the connection
	Authority Authority
	Protocol  string              // of the door: smtp, imap or pop3
	Host      string              // the server's own name
	Peer      []*x509.Certificate // presented by the client, its own first; empty in clear
	Offered   []string            // the mechanisms that the server advertises
	// Decide is called once, when the client has sent what proves who it is. A refusal is a *Refusal.
	Decide func(Attempt) error
	// Connection is nil if there is none, Spoiler if no scenario wants anything.
	Connection Connection
	Spoiler    Spoiler
}

// Connection is what a mechanism needs of the client's connection.
type Connection interface {
	// Binding returns what ties a proof to the TLS connection, by the name of its kind (RFC 5929, RFC 9266). nil if there
	// is none of that kind.
	Binding(kind string) []byte
	// Hide is called with a challenge that may not be recorded, before Next returns it.
	Hide(challenge []byte)
}

// Spoiler is a scenario that spoils the server's side of an exchange.
type Spoiler interface {
	// Spoils reports whether this part is wrong, now that its time has come.
	Spoils(ProofPart) bool
	// Trusted is called when the client goes on after that as if nothing were wrong.
	Trusted()
}

// ProofPart is a part of the server's side of an exchange.
type ProofPart string

// The parts that a client must check.
const (
	ServerNonce     ProofPart = "nonce"     // it must begin with the client's
	ServerSignature ProofPart = "signature" // it proves that the server knows the password too
)

// Mechanisms lists the mechanisms that mailrig implements, best first.
func Mechanisms() []Mechanism {
	return []Mechanism{
		externalMechanism,
		scramSHA512.plus(),
		scramSHA256.plus(),
		scramSHA1.plus(),
		scramSHA512.mechanism(),
		scramSHA256.mechanism(),
		scramSHA1.mechanism(),
		digestMD5Mechanism,
		cramMD5Mechanism,
		plainMechanism,
		loginMechanism,
		xoauth2Mechanism,
		oauthbearerMechanism,
		ntlmMechanism,
		anonymousMechanism,
	}
}

// Tokens lists the names of the mechanisms for tokens.
func Tokens() (names []string) {
	for _, m := range Mechanisms() {
		if m.Needs == NeedsToken {
			names = append(names, m.Name)
		}
	}
	return names
}

// LoginNames lists the possible values of Attempt.Mechanism: mechanisms, then commands. "LOGIN" is both.
func LoginNames() (names []string) {
	for _, m := range Mechanisms() {
		names = append(names, m.Name)
	}
	return append(names, string(UserCommand), string(APOPCommand))
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
