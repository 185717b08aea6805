// Package imapd answers the IMAP engine (github.com/emersion/go-imap/v2/imapserver)
// from the mailboxes of internal/mailbox: IMAP4rev1 (RFC 3501) with the extensions
// in capabilities.
//
// Serve runs one engine on one connection and returns; the engine's goroutine owns
// the connection from then on. A session holds the account and, once one is
// selected, a mailbox.View, whose numbering it alone moves on, in poll. Nothing is
// locked in the store while a reply is written, so a client that stops reading
// stalls nobody else. Message bytes come from internal/message: every BODY[...] is
// a piece of what was delivered.
//
// Each group of commands has its file: auth.go, select.go, list.go, mailboxes.go,
// append.go, fetch.go, search.go, store.go, copy.go, poll.go. naming.go translates mailbox
// names, meanwhile.go does what another session would, numset.go resolves
// message sets, errors.go gives errors their response codes (RFC 5530), wire.go
// corrects replies that the engine gets wrong and offers no hook for, extra.go
// lists commands that the engine lacks and the gate answers beside it.
package imapd

import (
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailrig/mailrig/internal/login"
	"github.com/mailrig/mailrig/internal/mailbox"
	"github.com/mailrig/mailrig/internal/oneconn"
)

// DefaultMaxMessageBytes is the limit for APPEND where Config has none.
const DefaultMaxMessageBytes = 50 << 20

// Config is what a connection needs. Store and Login are required.
type Config struct {
	Store *mailbox.Store
	Login login.Authority

	Secure  bool   // TLS is up
	PreAuth string // begin logged in as this user (RFC 9051 section 7.1.4); "" for nobody
	// Folders returns how the account of the user who has just logged in is to be
	// arranged, none for as it is; may be nil.
	Folders func() []mailbox.Folder
	// Mechanisms returns the OAuth mechanisms that are offered too; may be nil.
	Mechanisms func() []string

	// What a scenario wants, asked when a user has logged in, or at each command; any may
	// be nil.
	Naming    func() Naming                          // the form of mailbox names
	Meanwhile func() (expunge []uint32, deliver int) // what another session does to the selected mailbox now
	MuteIdle  func() bool                            // IDLE is to tell nothing

	InsecureAuth bool // login is allowed without TLS; else LOGINDISABLED is announced

	MaxMessageBytes int64 // for APPEND; 0: DefaultMaxMessageBytes
	// Stored is told of each message that APPEND has put into a mailbox of the user's;
	// may be nil. message isn't to be changed or kept.
	Stored func(user string, message []byte)
	Limit  func() int64 // a smaller bound for who is logged in now, 0 for none; may be nil
	Logger *slog.Logger // nil: silent

	now func() time.Time // the INTERNALDATE of an APPEND without date
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

// Serve starts an engine on conn and returns. The engine closes conn at its end.
func Serve(conn net.Conn, cfg Config) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.MaxMessageBytes <= 0 {
		cfg.MaxMessageBytes = DefaultMaxMessageBytes
	}
	if cfg.now == nil {
		cfg.now = time.Now
	}
	w := &wire{Conn: conn, log: cfg.Logger}
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			s := &session{cfg: cfg, wire: w, naming: plain}
			if cfg.PreAuth == "" {
				return s, nil, nil
			}
			s.open(cfg.PreAuth)
			return s, &imapserver.GreetingData{PreAuth: true}, nil
		},
		Caps:         capabilities(),
		Logger:       w,
		InsecureAuth: cfg.Secure || cfg.InsecureAuth,
	})
	if err := server.Serve(oneconn.New(w)); err != nil {
		cfg.Logger.Error("imap engine did not start", "err", err)
		conn.Close()
	}
}

// session is one engine's backend. The engine calls one method at a time, except
// that it may go on while Idle is still ending: mu makes it wait.
type session struct {
	cfg  Config
	wire *wire

	mu      sync.Mutex
	account *mailbox.Account
	naming  Naming
	muted   bool                // an IDLE that told nothing is ending
	view    *mailbox.View       // nil: no mailbox is selected
	told    map[string]struct{} // keywords announced by FLAGS for the view
	saved   []mailbox.UID       // the SEARCH result `$` (RFC 5182)
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

// unselect wants mu held.
func (s *session) unselect() {
	if s.view != nil {
		s.view.Close()
	}
	s.view, s.told, s.saved = nil, nil, nil
}
