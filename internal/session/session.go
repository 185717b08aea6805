// Package session represents one connection: who is at the other end, what that client may do here, and what is
// recorded about it.
//
// The server makes a Session when it accepts a connection, and keeps it until the connection is over. The gate (package
// gate) plays the faults of the session's plan, and tells the session when a new phase begins. The protocol adapters
// (smtpd, imapd, popd) ask it everything that isn't mail. Each adapter declares the interface that it needs, and
// *Session satisfies it.
//
//	session.go  the connection and its phases: STARTTLS begins a new one
//	login.go    who the client is
//	policy.go   what the door allows and what the scenarios want
//	record.go   what is recorded
//
// A new question from an adapter, or from a command beside the IMAP engine, becomes a method here. A Session belongs to
// the goroutine that serves the connection. Other goroutines may call only Close and Context.
package session

import (
	"context"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/store"
)

// Shared is what all sessions of a server have in common. Only Plan, Next and Bounce may be nil.
type Shared struct {
	Store           store.Store
	Authority       identity.Authority
	Mechanisms      []identity.Mechanism
	Offer           *identity.Offer // which of them are advertised, and where
	Host            string          // the server's own name
	MaxMessageBytes int64           // largest message in bytes, without trace headers
	Journal         event.Journal
	Protocols       []*protocol.Protocol
	Tags            *Tags
	// Plan returns the plan that applies to one user alone, or nil if that user has none. A nil Plan means that no user
	// has one.
	Plan func(ctx context.Context, user string) *fault.Plan
	// Next returns the plan that applies to this login of the user only, or nil. It is asked once for each connection
	// and user. A nil Next means that there is none.
	Next func(ctx context.Context, user string) *fault.Plan
	// Bounce sends a delivery report. b says when, and what the recipient's server said. Bounce reports whether there
	// will be a report.
	Bounce func(from, to string, b fault.Bounce, m store.Message) bool
	// Later delivers a message to a recipient after a time, so many times. It reports whether it will.
	Later  func(to string, f fault.Fate, in store.Incoming) bool
	Logger *slog.Logger
}

// Phase is the part of a connection that one engine serves. gate.Conn implements it.
type Phase interface {
	// Secure reports whether the phase is inside TLS.
	Secure() bool
	// Peer returns the certificates that the client presented, its own certificate first.
	Peer() []*x509.Certificate
	// Binding returns what ties a proof to the TLS connection, by the name of its kind (RFC 5929, RFC 9266). nil if there
	// is none of that kind.
	Binding(kind string) []byte
	// Acknowledges says that the client's next line acknowledges a refusal, whatever it is; see protocol.Port.
	Acknowledges()
	// Hide says that a challenge may not be recorded. The engine is about to send it.
	Hide(challenge []byte)
	// Refused says that a scenario made up the reply that the engine is about to give.
	Refused(scenario string)
	// Mute reports whether a scenario keeps the present IDLE silent now, and returns the scenario when it begins to. It must
	// be asked again after next; 0 means that nothing will change.
	Mute() (mute bool, scenario string, next time.Duration)
	// Dropping reports whether a scenario will refuse the message that the client is sending. If so, nobody may store
	// it.
	Dropping() bool
	// Message returns a reader of the message that the engine is about to read, or nil if the engine must read it.
	Message() io.Reader
	// LoggedIn says that the engine begins in the authenticated state.
	LoggedIn()
	// Gone reports whether the client has left while the engine computes. A client that has only closed its side gets alive,
	// a line that the protocol allows at any time.
	Gone(alive []byte) bool
}

// Session is one connection.
type Session struct {
	shared *Shared
	needs  needs
	door   int
	spoken string // the protocol
	life   life
	plan   *fault.Conn
	record record
	phase  Phase

	user    string // as the client spelt it; "" before login
	account string // address of the user's account
	unseen  unseen

	exchange exchange
	begun    bool   // a phase has begun
	stamp    string // the challenge for APOP in the greeting; "" if it had none
}

// needs is what a door requires from a client before it may send mail.
type needs struct{ tls, login bool }

// New makes the session of a connection that d has just accepted. The session keeps the plan until it
// ends. ctx ends with the server.
func New(ctx context.Context, shared *Shared, d door.Door, conn net.Conn, plan *fault.Plan) *Session {
	s := &Session{
		shared: shared, phase: clear{}, life: life{server: ctx}, door: d.Port, spoken: string(d.Protocol),
		needs: needs{tls: d.Security == door.STARTTLSRequired, login: d.Login},
	}
	s.record = begin(shared, d, conn, plan)
	s.plan = plan.Shared(d.Port, string(d.Protocol), addrOf(conn.RemoteAddr()), fault.Users{
		Context: s.Context,
		Plan:    shared.Plan,
		Next:    shared.Next,
		Joined: func(own *fault.Plan) {
			s.record.joined(own)
			s.record.limits(s.plan.Limits())
		},
		Acted: func(a fault.Act) { s.record.acted(a) },
	})
	s.record.limits(s.plan.Limits())
	return s
}

// unseen lists the scenarios that changed something for the user who has logged in, but that the client hasn't looked at
// yet.
type unseen struct{ names, inbox []string }

// Begin begins a phase. Nobody is logged in then (RFC 3207 section 4.2).
func (s *Session) Begin(p Phase) {
	s.phase = p
	s.exchange = exchange{}
	s.Logout()
	if ways, _ := s.ways(); !s.begun && slices.Contains(ways, string(identity.APOPCommand)) {
		s.stamp = identity.NewStamp(s.shared.Host)
	}
	s.begun = true
	s.record.Offers(s.logins())
}

// Close cancels the work that is still being done for the connection.
func (s *Session) Close() { s.life.end() }

// Context returns a context that ends with the connection.
func (s *Session) Context() context.Context { return s.life.context() }

// Gone reports whether the client has left; see Phase.
func (s *Session) Gone(alive []byte) bool { return s.phase.Gone(alive) }

// ID returns the record's id.
func (s *Session) ID() string { return s.record.ID() }

// Plan returns the faults' view of the connection.
func (s *Session) Plan() *fault.Conn { return s.plan }

// Recorder returns the recorder, with which the gate records what it sees.
func (s *Session) Recorder() *event.Recorder { return s.record.Recorder }

// clear is the phase of a connection before its first phase begins.
type clear struct{}

func (clear) Secure() bool              { return false }
func (clear) Peer() []*x509.Certificate { return nil }
func (clear) Binding(string) []byte     { return nil }
func (clear) Acknowledges()             {}
func (clear) Hide([]byte)               {}
func (clear) Refused(string)            {}
func (clear) Mute() (bool, string, time.Duration) {
	return false, "", 0
}
func (clear) Dropping() bool     { return false }
func (clear) Message() io.Reader { return nil }
func (clear) LoggedIn()          {}
func (clear) Gone([]byte) bool   { return false }

func addrOf(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().WithZone("")
}
