// Package popd serves the mailboxes of internal/mailbox by POP3: it is what
// stands between the engine (package pop3) and the store.
//
// The gate makes one Backend for each phase of a connection, because whether a
// login is permitted depends on TLS, which the gate does and the engine never
// sees:
//
//	popd.New(popd.Config{...}).Server().ServeConn(conn)
//
// The maildrop is a snapshot of INBOX, taken at login (RFC 1939 section 4): mail
// that arrives later is for the next session, and what another session expunges
// stays readable until QUIT. RETR sets no flag; POP3 knows none. QUIT expunges
// what DELE marked. A unique-id is UIDVALIDITY and UID of IMAP, so that it holds
// exactly as long as they do.
//
// Faults don't belong here: a refused login comes from Config.Login.
package popd

import (
	"errors"
	"log/slog"

	"github.com/mailrig/mailrig/internal/login"
	"github.com/mailrig/mailrig/internal/mailbox"
	"github.com/mailrig/mailrig/pop3"
)

// Config is what one phase of a connection needs.
type Config struct {
	Store      *mailbox.Store
	Login      login.Authority
	Mechanisms func() []string // OAuth mechanisms that are offered too; may be nil
	Secure     bool            // the client's bytes came through TLS
	RequireTLS bool            // no login unless Secure
	Greeting   string          // text behind "+OK"; "" for the engine's own
	Logger     *slog.Logger    // nil: silent
}

// Backend is a pop3.Backend over a store.
type Backend struct{ cfg Config }

// New returns the backend of one phase. Store and Login must be set.
func New(cfg Config) *Backend {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Backend{cfg: cfg}
}

// Server returns an engine for this backend, which leaves TLS to its caller.
func (b *Backend) Server() *pop3.Server {
	s := pop3.NewServer(b)
	s.Greeting = b.cfg.Greeting
	s.AllowInsecureAuth = b.cfg.Secure || !b.cfg.RequireTLS
	s.ErrorLog = b.cfg.Logger
	return s
}

// NewSession implements pop3.Backend.
func (b *Backend) NewSession(*pop3.Conn) (pop3.Session, error) {
	return &session{cfg: &b.cfg}, nil
}

// replyTo puts a refusal in the engine's words.
func replyTo(r *login.Refusal) error {
	reply, err := login.ParsePOP3(r.POP3)
	if err != nil || reply.OK { // a refusal without words for POP3 is still one
		return pop3.ErrAuthFailed
	}
	return &pop3.Error{Code: reply.Code, Text: reply.Text}
}

// lockError says why a maildrop can't be had.
func lockError(err error) error {
	if errors.Is(err, mailbox.ErrInUse) {
		return pop3.ErrInUse
	}
	return err
}
