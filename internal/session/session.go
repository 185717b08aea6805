// Package session is a connection as a person would speak of it: who is at the other
// end, what that client may do here, and what is written down about it.
//
// A server makes a Session when it accepts a connection and keeps it until the
// connection is over. The gate (package gate) plays the faults of its plan and ends
// it; the protocol adapters (smtpd, imapd, popd) ask it everything that isn't mail.
// Each adapter declares the interface that it needs, and *Session satisfies it.
//
//	session.go  the connection and its phases: STARTTLS begins a new one
//	login.go    who the client is
//	policy.go   what a door and the scenarios allow and want
//	record.go   what is recorded
//
// A new question that adapters ask, or that a command beside the IMAP engine asks, is
// a method here. A Session is used by the goroutine that serves the connection; only
// Close and Context are for others too.
package session

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"net/netip"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/store"
)

// Shared is what all sessions of a server have in common. Only Plan and Bounce may
// be nil.
type Shared struct {
	Store           store.Store
	Authority       identity.Authority
	Mechanisms      []identity.Mechanism
	MaxMessageBytes int64 // of one message, without trace headers
	Journal         event.Journal
	Protocols       []*protocol.Protocol
	Tags            *Tags
	// Plan returns the plan that one user has alone, nil for most users; nil: for all.
	Plan func(ctx context.Context, user string) *fault.Plan
	// Bounce sends a delivery report: b says when, and what the recipient's server said.
	// It reports whether there will be one.
	Bounce func(from, to string, b fault.Bounce, m store.Message) bool
	Logger *slog.Logger
}

// Phase is the part of a connection that one engine serves. The gate implements it.
type Phase interface {
	// Secure reports whether the phase is inside TLS.
	Secure() bool
	// Peer returns the certificates that the client presented, its own first.
	Peer() []*x509.Certificate
	// Refused says that a scenario made up the reply which the engine is about to give.
	Refused(scenario string)
	// Dropping reports whether a scenario refuses the message that the client sends now,
	// so that nobody is to keep it.
	Dropping() bool
	// LoggedIn says that the engine begins in the authenticated state.
	LoggedIn()
}

// Session is one connection.
type Session struct {
	shared *Shared
	needs  needs
	life   life
	plan   *fault.Conn
	record record
	phase  Phase

	user    string // as the client named itself; "" before login
	account string // the address of his account
}

// needs is what a door asks of a client before it may send mail.
type needs struct{ tls, login bool }

// New makes the session of a connection that d has just accepted. It keeps the plan to
// its end. ctx ends with the server.
func New(ctx context.Context, shared *Shared, d door.Door, conn net.Conn, plan *fault.Plan) *Session {
	s := &Session{
		shared: shared, phase: clear{}, life: life{server: ctx},
		needs: needs{tls: d.Security == door.STARTTLSRequired, login: d.Login},
	}
	s.record = begin(shared, d, conn, plan)
	s.plan = plan.Shared(d.Port, string(d.Protocol), addrOf(conn.RemoteAddr()), fault.Users{
		Context: s.Context,
		Plan:    shared.Plan,
		Joined: func(own *fault.Plan) {
			s.record.joined(own)
			s.record.limits(s.plan.Limits())
		},
	})
	s.record.limits(s.plan.Limits())
	return s
}

// Begin begins a phase. Nobody is logged in (RFC 3207 section 4.2).
func (s *Session) Begin(p Phase) {
	s.phase = p
	s.Logout()
}

// Close ends what is still done for the connection.
func (s *Session) Close() { s.life.end() }

// Context ends with the connection.
func (s *Session) Context() context.Context { return s.life.context() }

// ID names the session.
func (s *Session) ID() string { return s.record.ID() }

// Plan is the view of the connection that faults have.
func (s *Session) Plan() *fault.Conn { return s.plan }

// Recorder records what the connection's gate sees.
func (s *Session) Recorder() *event.Recorder { return s.record.Recorder }

// clear is the phase of a connection that hasn't begun any.
type clear struct{}

func (clear) Secure() bool              { return false }
func (clear) Peer() []*x509.Certificate { return nil }
func (clear) Refused(string)            {}
func (clear) Dropping() bool            { return false }
func (clear) LoggedIn()                 {}

func addrOf(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().WithZone("")
}
