// Package tables is a store that keeps everything in the tables of a database. It has what a store does, in statements that
// SQLite and PostgreSQL both understand. What differs between databases is in an Engine: connections, transactions, the
// tables themselves, and the locks of maildrops. Package kept has the one for SQLite, and package shared the one for
// PostgreSQL.
//
// A change is durable before the call that made it returns. Callers that come while a transaction is being written share
// the next one (write.go), so many clients wait for one fsync. Readers work beside the writer. The only things in memory
// are the watches (watch.go).
//
// Besides mail, it keeps records for other parts of the server (records.go, package state), in the same transactions.
//
// A message's bytes are in pieces of 64 KiB, once for each digest (content.go); its entries in mailboxes point to them
// (entries.go). numbers.go hands out what must never be used twice.
package tables

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailrig/mailrig/internal/state"
	"github.com/mailrig/mailrig/internal/store"
)

const (
	defaultDomain   = "example.test"
	defaultMaxBytes = 50 << 20
)

// Conn is a connection to a database. One goroutine at a time uses it. The texts of statements are constants of this
// package, with "?" for each argument.
type Conn interface {
	// Exec carries out a statement. An engine may put it off until the next Get, Each or commit, which then returns the error.
	Exec(query string, args ...any) error
	// Get reads one row into dest, and reports whether there is one.
	Get(query string, args []any, dest ...any) (found bool, err error)
	// Each calls f for each row. f must not use the connection.
	Each(query string, args []any, f func(Rows) error) error
}

// Rows is the present row of Each.
type Rows interface{ Scan(dest ...any) error }

// Engine is a database that has the tables. Its errors say what they mean for a client: store.ErrUnavailable, ErrReadOnly and
// ErrFull.
type Engine interface {
	// Read lends do a connection on which it sees one consistent state.
	Read(ctx context.Context, do func(Conn) error) error
	// Ask is Read for a do that asks once.
	Ask(ctx context.Context, do func(Conn) error) error
	// Write carries out do in a transaction and commits it, unless do returns an error. Nobody else changes anything
	// meanwhile, not even another process. Write is called by one goroutine at a time.
	Write(do func(Conn) error) error
	// Broken reports whether an error of do comes from the database, as opposed to the request: the transaction is lost.
	Broken(err error) bool
	// Locked reports whether a POP3 session has the account's maildrop.
	Locked(c Conn, address string) (bool, error)
	// Tell tells other processes of news, when the transaction is committed.
	Tell(c Conn, list []News) error
}

// Options configure a Store. The zero value is ready to use.
type Options struct {
	Domain          string           // appended to names without "@"; "" means "example.test"
	MaxMessageBytes int64            // larger messages are refused with store.ErrTooBig; 0 means 50 MiB
	Now             func() time.Time // nil means time.Now
	Keep            Keep             // what is removed in time
	// OnTrouble is called when a change could not be written, with what is wrong. It must be quick, and may be nil.
	OnTrouble func(err error)
	// Alone says that no other process changes the database.
	Alone bool
}

// Store implements store.Store, except for the locks of maildrops and Reset (see Clear). Close it.
type Store struct {
	engine    Engine
	alone     bool
	domain    string
	maxBytes  int64
	now       func() time.Time
	onTrouble func(error)
	numbers   atomic.Pointer[numbers] // as of the last commit of this process

	mu      sync.Mutex // guards the next three
	queue   []*call
	writing bool
	closed  bool

	watched  watched
	checked  numbers // by Recheck
	watchers state.Watchers
	removals removals
	janitor  janitor
}

// New returns the store in the tables of a database.
func New(ctx context.Context, e Engine, o Options) (*Store, error) {
	s := &Store{engine: e, alone: o.Alone, domain: strings.ToLower(o.Domain), maxBytes: o.MaxMessageBytes, now: o.Now, onTrouble: o.OnTrouble}
	if s.domain == "" {
		s.domain = defaultDomain
	}
	if s.maxBytes <= 0 {
		s.maxBytes = defaultMaxBytes
	}
	if s.now == nil {
		s.now = time.Now
	}
	err := e.Ask(ctx, func(c Conn) error {
		n, err := loadNumbers(c)
		s.numbers.Store(&n)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.janitor.start(s, o.Keep)
	return s, nil
}

// Close waits for changes that are under way. Later ones fail. It reports false if the store was closed before. The engine
// stays open.
func (s *Store) Close() bool {
	s.janitor.stop()
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if !closed {
		s.awaitWriter()
	}
	return !closed
}

// Idle carries out do while nobody writes. It returns an error if somebody does.
func (s *Store) Idle(do func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing || s.closed {
		return Ended()
	}
	return do()
}

// Address implements store.Accounts.
func (s *Store) Address(name string) string { return store.CanonicalAddress(name, s.domain) }

// Ended returns the error for a store that is closed.
func Ended() error { return fmt.Errorf("%w: mailrig is about to end", store.ErrUnavailable) }
