// Package identity decides who may log in. It has the mechanisms by which a client proves who it is, the authority that
// knows the accounts, and the refusals.
//
// A Mechanism runs the server's side of a SASL exchange (RFC 4422). The result is an Attempt, whose Proof asks an
// Authority. The session (package session) sees each Attempt first. A scenario can therefore refuse it, as a broken
// login service would, before anybody checks the password. The protocol adapters see only the outcome: nil, or a
// *Refusal, which has words for each protocol. Client and engine therefore always agree about the state.
//
// To add a mechanism, write its file and add a row to Mechanisms. To keep the accounts elsewhere, implement Authority.
package identity

import (
	"context"
	"crypto/x509"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// Authority knows the accounts and how to check a proof of identity. user is always the name that the client sent. Any
// goroutine may call its methods. A method returns an error only if the authority can't decide now; the client then
// sees TemporaryFailure. An unknown user isn't an error.
type Authority interface {
	// Meets reports whether the authority can answer for mechanisms with this need. The server doesn't advertise the
	// others.
	Meets(Need) bool
	// Password reports whether this is the user's password.
	Password(ctx context.Context, user, password string) (right bool, err error)
	// Token says whether the user may log in with this bearer token (RFC 6750) at a door of this protocol: the state is
	// TokenValid, or what is wrong with it.
	Token(ctx context.Context, user, token, protocol string) (Token, error)
	// Secret returns the secret that server and user share, for mechanisms that prove it without sending it (RFC 2195,
	// RFC 5802). ok is false for an unknown user.
	Secret(ctx context.Context, user string) (secret []byte, ok bool, err error)
	// Certificate reports whether the certificates from the client's TLS handshake belong to the user (RFC 4422
	// appendix A). The client's own certificate is first.
	Certificate(ctx context.Context, user string, chain []*x509.Certificate) (right bool, err error)
}

// Need says which method of Authority a mechanism calls.
type Need int

// The needs. All but the last are methods of Authority.
const (
	NeedsPassword Need = iota
	NeedsToken
	NeedsSecret
	NeedsCertificate
	NeedsNothing
)

// Attempt is one login attempt by a client.
type Attempt struct {
	Mechanism string // SASL name in upper case, or a Command
	User      string // as the client sent it
	// Exposes says that the client has sent the password or token itself. Credential is what it sent, as far as it can be
	// told from others; otherwise "".
	Exposes    bool
	Credential string
	// Proof decides the attempt. It is called at most once, and only if no scenario has refused the attempt.
	Proof Proof
}

// Shown returns a user's name as it may be recorded and logged: some clients send user:password in place of a name.
func Shown(user string) string {
	if name, _, ok := strings.Cut(user, ":"); ok {
		return name + ":" + event.Mask
	}
	return user
}

// Proof asks the authority whether an attempt is right. It returns nil, or why it isn't. An error means that the
// authority can't decide now.
type Proof func(context.Context, Authority) (*Refusal, error)

// proof makes a Proof of a question with two answers.
func proof(right func(context.Context, Authority) (bool, error)) Proof {
	return func(ctx context.Context, a Authority) (*Refusal, error) {
		if ok, err := right(ctx, a); !ok || err != nil {
			return &Refusal{Reason: protocol.WrongPassword}, err
		}
		return nil, nil
	}
}

// Command is a login without SASL: a command that carries user name and password.
type Command string

// The commands. In Attempt.Mechanism, "LOGIN" means either IMAP's command or the SASL mechanism.
const (
	LoginCommand Command = "LOGIN" // IMAP's (RFC 9051 section 6.2.3)
	UserCommand  Command = "USER"  // POP3's, with PASS (RFC 1939 section 7)
)

// Attempt returns the attempt that the command makes.
func (c Command) Attempt(user, password string) Attempt {
	return passwordAttempt(string(c), user, password)
}

// WithPassword returns the same attempt with another password.
func (a Attempt) WithPassword(password string) Attempt {
	return passwordAttempt(a.Mechanism, a.User, password)
}

func passwordAttempt(mechanism, user, password string) Attempt {
	return Attempt{Mechanism: mechanism, User: user, Exposes: true, Credential: password,
		Proof: proof(func(ctx context.Context, a Authority) (bool, error) { return a.Password(ctx, user, password) })}
}
