// Package imapd answers the IMAP engine (github.com/emersion/go-imap/v2/imapserver)
// from the mailboxes of internal/store: IMAP4rev1 (RFC 3501) with the extensions
// in capabilities.
//
// New(cfg).Serve(conn) runs one engine on one connection and returns; the engine's
// goroutine owns the connection from then on. A session holds the account and, once one is
// selected, a view.View, whose numbering it alone moves on, in poll. Nothing is
// locked in the store while a reply is written, so a client that stops reading
// stalls nobody else. Message bytes come from internal/message: every BODY[...] is
// a piece of what was delivered.
//
// Each group of commands has its file: auth.go, select.go, list.go, mailboxes.go,
// append.go, fetch.go, search.go, store.go, copy.go, poll.go. naming.go translates mailbox
// names, meanwhile.go does what another session would, numset.go resolves
// message sets, errors.go gives errors their response codes (RFC 5530), wire.go
// corrects replies that the engine gets wrong and offers no hook for. beside.go is
// for commands that the engine lacks and the gate answers beside it, extra.go lists
// them, arguments.go parses what comes with them.
package imapd

import (
	"context"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-sasl"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/oneconn"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/view"
)

// Config is what one phase of a connection needs.
type Config struct {
	Session  Session
	Store    store.Store
	Commands []Command    // answered beside the engine; nil: Commands()
	Logger   *slog.Logger // nil: silent

	now func() time.Time // the INTERNALDATE of an APPEND without date
}

// Session is the connection to which a phase belongs. It knows who the client is and what
// it may do; package session has the real one.
type Session interface {
	// Context ends with the connection.
	Context() context.Context

	// NeedsTLS reports whether logins are refused until TLS is up; LOGINDISABLED is
	// announced then.
	NeedsTLS() bool
	// Preauth reports whether the engine begins logged in (RFC 9051 section 7.1.4). It is
	// asked once, before the greeting.
	Preauth() bool
	// Login decides the LOGIN command; the error is a *identity.Refusal.
	Login(identity.Attempt) error
	// Mechanisms are the names for AUTH=, as they are now.
	Mechanisms() []string
	// Authenticate begins an exchange, whose Next returns a *identity.Refusal when the
	// login is refused. The error says that the mechanism isn't offered.
	Authenticate(mechanism string) (sasl.Server, error)
	// Open returns the address of the account of the user who has just logged in; the
	// error is the store's. Folders and Naming are asked next.
	Open() (account string, err error)
	// Folders lists how the account is to be arranged, none for as it is.
	Folders() []store.Folder
	// Naming is the form of mailbox names: see Naming.
	Naming() (delimiter byte, prefix string)
	// Logout forgets the user (RFC 8437).
	Logout()

	// Limits are the bounds of a message for who is logged in now; IMAP has no recipients.
	Limits() (messageBytes int64, recipients int)
	// Meanwhile is asked at each command: messages of the selected mailbox that another
	// session expunges now, by number, and how many it delivers.
	Meanwhile() (expunge []uint32, deliver int)
	// MuteIdle reports whether the IDLE that begins is to say nothing.
	MuteIdle() bool

	// Stored is told of each message that APPEND has put into a mailbox of the user's. It neither changes nor keeps
	// message.
	Stored(from string, places []store.Place, message []byte)
}

// capabilities are those whose every part works here. The engine adds SASL-IR,
// LITERAL-, UNSELECT, ENABLE, IDLE, UTF8=ACCEPT, the AUTH= mechanisms and
// APPENDLIMIT by itself. Left out: BINARY, since the engine can't write the
// origin of a partial (RFC 3516 section 4.2), and IMAP4rev2.
func capabilities() imap.CapSet {
	return imap.CapSet{
		imap.CapIMAP4rev1:        {},
		imap.CapNamespace:        {},
		imap.CapUIDPlus:          {},
		imap.CapESearch:          {},
		imap.CapSearchRes:        {},
		imap.CapListExtended:     {},
		imap.CapListStatus:       {},
		imap.CapMove:             {},
		imap.CapStatusSize:       {},
		imap.CapChildren:         {},
		imap.CapSpecialUse:       {},
		imap.CapCreateSpecialUse: {},
		imap.CapLiteralPlus:      {},
		imap.CapUnauthenticate:   {},
	}
}

// Phase is one phase of a connection.
type Phase struct{ s *session }

// New makes a phase; Serve starts it.
func New(cfg Config) *Phase {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Commands == nil {
		cfg.Commands = product()
	}
	if cfg.now == nil {
		cfg.now = time.Now
	}
	return &Phase{&session{cfg: cfg, naming: plain}}
}

// Beside is what the phase answers beside its engine.
func (p *Phase) Beside() Beside { return Beside{p.s} }

// Serve starts an engine on conn and returns. The engine closes conn at its end.
func (p *Phase) Serve(conn net.Conn) {
	s := p.s
	s.wire = &wire{Conn: conn, log: s.cfg.Logger}
	var greeting *imapserver.GreetingData
	var down error
	if s.cfg.Session.Preauth() {
		if err := s.open(); err != nil {
			s.cfg.Logger.Error("imap can't begin logged in", "err", err)
			down = &imap.Error{Type: imap.StatusResponseTypeBye, Code: imap.ResponseCodeUnavailable, Text: unavailable}
		}
		greeting = &imapserver.GreetingData{PreAuth: true}
	}
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return s, greeting, down
		},
		Caps:         capabilities(),
		Logger:       s.wire,
		InsecureAuth: !s.cfg.Session.NeedsTLS(),
	})
	if err := server.Serve(oneconn.New(s.wire)); err != nil {
		s.cfg.Logger.Error("imap engine did not start", "err", err)
		conn.Close()
	}
}

// session is one engine's backend. The engine calls one method at a time, except
// that it may go on while Idle is still ending: mu makes it wait.
type session struct {
	cfg  Config
	wire *wire

	mu      sync.Mutex
	account string // the address of who has logged in, "" for nobody
	naming  Naming
	muted   bool                // an IDLE that told nothing is ending
	view    *view.View          // nil: no mailbox is selected
	told    map[string]struct{} // keywords announced by FLAGS for the view
	saved   []store.UID         // the SEARCH result `$` (RFC 5182)
	scratch []imap.Flag         // reused by flagsOf
}

var (
	_ imapserver.SessionNamespace      = (*session)(nil)
	_ imapserver.SessionMove           = (*session)(nil)
	_ imapserver.SessionSASL           = (*session)(nil)
	_ imapserver.SessionUnauthenticate = (*session)(nil)
	_ imapserver.SessionAppendLimit    = (*session)(nil)
	_ io.Closer                        = (*session)(nil)
)

// Close is called by the engine at the end of the connection.
func (s *session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unselect()
	return nil
}

// ctx ends with the connection.
func (s *session) ctx() context.Context { return s.cfg.Session.Context() }

// unselect wants mu held.
func (s *session) unselect() {
	if s.view != nil {
		s.view.Close()
	}
	s.view, s.told, s.saved = nil, nil, nil
}
