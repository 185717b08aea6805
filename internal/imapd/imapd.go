// Package imapd connects the IMAP engine (github.com/emersion/go-imap/v2/imapserver) to the mailboxes in
// internal/store. It serves IMAP4rev1 (RFC 3501) with the extensions in capabilities.
//
// New(cfg).Serve(conn) runs one engine on one connection and returns. The engine's goroutine owns the connection from
// then on. A session holds the account and, once a mailbox is selected, a view.View. Only poll moves the view's
// numbering on. Nothing is locked in the store while a reply is written, so a client that stops reading blocks nobody
// else. Message bytes come from internal/message: every BODY[...] is a piece of what was delivered.
//
// Each group of commands has its file: auth.go, select.go, list.go, mailboxes.go, append.go, fetch.go, search.go,
// store.go, copy.go, poll.go, quota.go. naming.go translates mailbox names. renumber.go moves UIDs. meanwhile.go does what
// another session would do.
// numset.go resolves message sets. errors.go gives errors their response codes (RFC 5530). wire.go corrects replies
// that the engine gets wrong and offers no hook for. beside.go is for commands that the engine lacks and the gate
// answers beside it; extra.go lists them, and arguments.go parses their arguments.
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

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/oneconn"
	"github.com/mailrig/mailrig/internal/spool"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/view"
)

// Config is what one phase of a connection needs.
type Config struct {
	Session  Session
	Store    store.Store
	Spool    spool.Room    // where messages are while they arrive
	Views    *budget.Share // for the lists of messages of selected mailboxes; nil has no bound
	Quota    Quota         // bounds what an account holds; nil has no bound
	Commands []Command     // answered beside the engine; nil means Commands(), with those for Quota
	Logger   *slog.Logger  // nil is silent

	now     func() time.Time // clock for the INTERNALDATE of an APPEND without a date, and for what a command takes
	maxWork int64            // what one command may compute; 0 means maxWork
}

// Session is the connection that a phase belongs to. It knows who the client is and what the client may do. Package
// session has the real one.
type Session interface {
	// Context ends with the connection.
	Context() context.Context
	// Gone reports whether the client has left while its command is computed. A client that has only closed its side gets
	// alive, an untagged response. It is called from the engine's goroutine, a few times a second.
	Gone(alive []byte) bool

	// NeedsTLS reports whether logins are refused until TLS is up. If so, the server advertises LOGINDISABLED.
	NeedsTLS() bool
	// Preauth reports whether the engine begins logged in (RFC 9051 section 7.1.4). It is called once, before the
	// greeting.
	Preauth() bool
	// Login decides the LOGIN command. The error is a *identity.Refusal.
	Login(identity.Attempt) error
	// NeedsSASL reports whether the LOGIN command is refused.
	NeedsSASL() bool
	// Mechanisms returns the current names for AUTH=.
	Mechanisms() []string
	// Authenticate begins an exchange. If the login is refused, its Next returns a *identity.Refusal. An error says
	// that the mechanism isn't advertised.
	Authenticate(mechanism string) (sasl.Server, error)
	// Open returns the address of the account of the user who has just logged in. An error is the store's. Folders and
	// Naming are called next.
	Open() (account string, err error)
	// Folders lists how to arrange the account's folders. None means to leave them as they are.
	Folders() []store.Folder
	// Naming returns the form of mailbox names; see type Naming.
	Naming() (delimiter byte, prefix string)
	// SawNames is called when the client is shown mailbox names, or names a mailbox other than INBOX. SawInbox is
	// called when it is shown what is in INBOX.
	SawNames()
	SawInbox()
	// Logout forgets the user (RFC 8437).
	Logout()

	// Limits returns the largest message of the current user, in bytes. IMAP has no recipients.
	Limits() (messageBytes int64, recipients int)
	// Meanwhile is called at each command. It returns the sequence numbers of messages in the selected mailbox that
	// another session expunges now, and how many messages it delivers.
	Meanwhile() (expunge []uint32, deliver int)
	// Renumber returns how much higher UIDs are for the user who has just logged in than they are in the store. It is
	// asked once for each login, when the client is about to see or name a UID.
	Renumber() (higher uint32)
	// MuteIdle reports whether the present IDLE stays silent now. It is asked when IDLE begins, and again after next; 0
	// means that nothing will change.
	MuteIdle() (mute bool, next time.Duration)

	// Stored is called for each message that APPEND has put into one of the user's mailboxes. It must neither change
	// nor keep message.
	Stored(from string, places []store.Place, message []byte)
}

// capabilities are those of which every part works here. The engine itself adds SASL-IR, LITERAL-, UNSELECT, ENABLE,
// IDLE, UTF8=ACCEPT, the AUTH= mechanisms and APPENDLIMIT. Two are left out: BINARY, because the engine can't write the
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

// New makes a phase. Serve starts it.
func New(cfg Config) *Phase {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Commands == nil {
		if cfg.Commands = product(); cfg.Quota != nil {
			cfg.Commands = append(quotaCommands(cfg.Quota), cfg.Commands...)
		}
	}
	if cfg.now == nil {
		cfg.now = time.Now
	}
	return &Phase{&session{cfg: cfg, naming: plain}}
}

// Beside returns what the phase answers beside its engine.
func (p *Phase) Beside() Beside { return Beside{p.s} }

// Serve starts an engine on conn and returns. The engine closes conn when it ends.
func (p *Phase) Serve(conn net.Conn) {
	s := p.s
	s.writes = &writes{Conn: conn, now: s.cfg.now}
	s.wire = &wire{Conn: s.writes, log: s.cfg.Logger}
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

// session is one engine's backend. The engine calls one method at a time, except that it may go on while Idle is still
// ending. Then mu makes it wait.
type session struct {
	cfg    Config
	wire   *wire
	writes *writes // below the wire

	mu         sync.Mutex
	account    string // address of the logged-in user's account; "" if nobody has logged in
	naming     Naming
	muted      bool                // a silent IDLE is ending
	view       *view.View          // nil: no mailbox is selected
	viewed     int64               // bytes reserved for the view
	behind     bool                // the store couldn't tell what has changed
	untold     []view.Change       // what the next poll tells first
	told       map[string]struct{} // keywords that a FLAGS has announced for the view
	saved      []store.UID         // the SEARCH result `$` (RFC 5182)
	renumbered renumbered
	scratch    []imap.Flag // reused by flagsOf
	work       work        // of the command that runs
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

// ctx returns a context that ends with the connection.
func (s *session) ctx() context.Context { return s.cfg.Session.Context() }

// unselect closes the selected mailbox. The caller holds mu.
func (s *session) unselect() {
	if s.view != nil {
		s.view.Close()
		s.cfg.Views.Release(s.viewed)
	}
	s.viewed = 0
	s.view, s.told, s.saved = nil, nil, nil
	s.behind, s.untold = false, nil
}
