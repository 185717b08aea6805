// Package identity decides who may log in: the ways in which a client proves who
// it is, the authority that knows the accounts, and the refusals.
//
// A Mechanism runs the server's side of an exchange (RFC 4422). What it learns
// becomes an Attempt, whose Proof asks an Authority. The session (package
// session) hears each Attempt first, so that a scenario can refuse it as a broken
// login service would, without a look at the password. The protocol adapters see
// only the outcome: nil, or a *Refusal, which has words for each protocol. Client
// and engine therefore always agree about the state.
//
// To add a mechanism, write its file and add its row to Mechanisms. To keep the
// accounts elsewhere, implement Authority.
package identity

import (
	"context"
	"crypto/x509"
)

// Authority knows the accounts and what proves them. Users are named as the client
// named them. Methods may be called by any goroutine. They return an error only
// when the authority can't tell now; the client then hears TemporaryFailure. A user
// who doesn't exist is no error.
type Authority interface {
	// Meets reports whether the authority can answer for mechanisms with this need.
	// Those whose need it can't meet aren't offered.
	Meets(Need) bool
	// Password reports whether this is the user's password.
	Password(ctx context.Context, user, password string) (right bool, err error)
	// Token reports whether the user may enter with this bearer token (RFC 6750).
	Token(ctx context.Context, user, token string) (right bool, err error)
	// Secret returns what the server and the user both know, for mechanisms that
	// prove it without sending it (RFC 2195, RFC 5802). ok is false for a user who
	// doesn't exist.
	Secret(ctx context.Context, user string) (secret []byte, ok bool, err error)
	// Certificate reports whether the certificates that the client presented in the
	// TLS handshake, its own first, are the user's (RFC 4422 appendix A).
	Certificate(ctx context.Context, user string, chain []*x509.Certificate) (right bool, err error)
}

// Need is what a mechanism asks of an authority.
type Need int

// The needs; each is a method of Authority.
const (
	NeedsPassword Need = iota
	NeedsToken
	NeedsSecret
	NeedsCertificate
)

// Attempt is one login as a client asked for it.
type Attempt struct {
	Mechanism string // SASL name in upper case; or a Command's
	User      string // as sent
	// Credential is the password or token of a mechanism that exposes it, "" otherwise.
	Credential string
	// Proof decides the attempt. It is asked at most once, and only when no scenario has
	// refused before.
	Proof Proof
}

// Proof asks the authority whether an attempt is right.
type Proof func(context.Context, Authority) (right bool, err error)

// Command is a login without SASL: a command that brings the user and the password.
type Command string

// The commands. Mechanism "LOGIN" stands for the command and for the SASL mechanism.
const (
	LoginCommand Command = "LOGIN" // IMAP's (RFC 9051 section 6.2.3)
	UserCommand  Command = "USER"  // POP3's, with PASS (RFC 1939 section 7)
)

// Attempt is what the command asks for.
func (c Command) Attempt(user, password string) Attempt {
	return passwordAttempt(string(c), user, password)
}

func passwordAttempt(mechanism, user, password string) Attempt {
	return Attempt{Mechanism: mechanism, User: user, Credential: password,
		Proof: func(ctx context.Context, a Authority) (bool, error) { return a.Password(ctx, user, password) }}
}
