// Package popd serves the mailboxes in internal/store by POP3. It connects the engine (package pop3) to the store.
//
// The server makes one Backend for each phase of a connection. Whether a login is permitted depends on TLS, which the
// gate does and the engine never sees:
//
//	popd.New(popd.Config{...}).Server().ServeConn(conn)
//
// The maildrop is a snapshot of INBOX, taken at login (RFC 1939 section 4). Mail that arrives later belongs to the next
// session, and what another session expunges stays readable until QUIT. RETR sets no flag, because POP3 knows none.
// QUIT expunges what DELE has marked. A unique-id consists of IMAP's UIDVALIDITY and UID, so it stays valid exactly as
// long as they do.
//
// Faults don't belong here: a refused login comes from Config.Session.
package popd

import (
	"context"
	"errors"
	"log/slog"

	"github.com/emersion/go-sasl"

	"github.com/mailrig/mailrig/internal/identity"
	proto "github.com/mailrig/mailrig/internal/protocol/pop3"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/pop3"
)

// Config is what one phase of a connection needs.
type Config struct {
	Session  Session
	Store    store.Store
	Greeting string       // text after "+OK"; "" means the engine's own
	Logger   *slog.Logger // nil is silent
}

// Session is the connection that a phase belongs to. It knows who the client is and what the client may do. Package
// session has the real one.
type Session interface {
	// Context ends with the connection.
	Context() context.Context
	// NeedsTLS reports whether logins are refused until TLS is up.
	NeedsTLS() bool
	// Login decides USER and PASS, and APOP. The error is a *identity.Refusal.
	Login(identity.Attempt) error
	// NeedsSASL reports whether USER and PASS are refused. Stamp returns the challenge for APOP, or "" if it isn't offered.
	NeedsSASL() bool
	Stamp() string
	// Mechanisms returns the current names for CAPA.
	Mechanisms() []string
	// Authenticate begins an exchange. If the login is refused, its Next returns a *identity.Refusal. An error says
	// that the mechanism isn't advertised.
	Authenticate(mechanism string) (sasl.Server, error)
	// Open returns the address of the account of the user who has just logged in. An error is the store's.
	Open() (account string, err error)
	// SawInbox is called when the client is told how much is in INBOX.
	SawInbox()
}

// Backend implements pop3.Backend on top of a store.
type Backend struct{ cfg Config }

// New returns the backend of one phase.
func New(cfg Config) *Backend {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Backend{cfg: cfg}
}

// Server returns an engine for this backend. The caller does TLS.
func (b *Backend) Server() *pop3.Server {
	s := pop3.NewServer(b)
	s.Greeting = b.cfg.Greeting
	s.AllowInsecureAuth = !b.cfg.Session.NeedsTLS()
	s.ErrorLog = b.cfg.Logger
	return s
}

// NewSession implements pop3.Backend.
func (b *Backend) NewSession(*pop3.Conn) (pop3.Session, error) {
	return &session{cfg: &b.cfg}, nil
}

// inWords puts a refusal into the engine's words. Other errors stay as they are.
func inWords(err error) error {
	no := (*identity.Refusal)(nil)
	if !errors.As(err, &no) {
		return err
	}
	reply, err := proto.Parse(no.Reply(proto.Protocol))
	if err != nil || reply.OK { // a refusal without words for POP3 is still a refusal
		return pop3.ErrAuthFailed
	}
	return &pop3.Error{Code: reply.Code, Text: reply.Text}
}

// refused puts an error of the store into the engine's words. The engine answers an unexpected error with [SYS/TEMP]
// too, and logs it.
func refused(err error) error {
	switch {
	case errors.Is(err, store.ErrInUse):
		return pop3.ErrInUse
	case errors.Is(err, store.ErrGone):
		return pop3.ErrNoMessage
	case errors.Is(err, store.ErrLeaseLost):
		return &pop3.Error{Code: "SYS/TEMP", Text: "The lock on the mailbox has expired; log in again"}
	case errors.Is(err, store.ErrFull):
		return &pop3.Error{Code: "SYS/TEMP", Text: "The server has no room for that; try again later"}
	case store.Unavailable(err): // RFC 3206 section 4
		return &pop3.Error{Code: "SYS/TEMP", Text: "The message store can't do that now; try again later"}
	}
	return err
}
