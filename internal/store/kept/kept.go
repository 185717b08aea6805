// Package kept is a store that keeps everything in a directory, in an SQLite database (package modernc.org/sqlite, which
// needs no C). The server uses it if it is told where to keep its mail.
//
// A change is on the disk before the call that made it returns. Callers that come while a transaction is being written
// share the next one (write.go), so many clients wait for one fsync. Readers work beside the writer, on connections
// of their own (conn.go). The only things in memory are the watches (watch.go) and the locks of maildrops (lease.go),
// because one process at a time uses a directory (lock_unix.go).
//
// Besides mail, it keeps records for other parts of the server (records.go, package state), in the same transactions.
//
// schema.go has the tables. A message's bytes are in pieces of 64 KiB, once for each digest (content.go); its entries in
// mailboxes point to them. numbers.go hands out what must never be used twice.
package kept

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// fileName is the database's name in its directory.
const fileName = "mailrig.db"

// Options configure a Store. The zero value is ready to use.
type Options struct {
	Domain          string           // appended to names without "@"; "" means "example.test"
	MaxMessageBytes int64            // larger messages are refused with store.ErrTooBig; 0 means 50 MiB
	Now             func() time.Time // nil means time.Now
	Keep            Keep             // what is removed in time
	// OnTrouble is called when a change could not be written, with what is wrong. It must be quick, and may be nil.
	OnTrouble func(err error)
}

// Store implements store.Store. Close it.
type Store struct {
	dir       string
	domain    string
	maxBytes  int64
	now       func() time.Time
	onTrouble func(error)
	lock      *dirLock
	readers   chan *conn
	opened    int                     // readers
	ended     chan struct{}           // closed by Close
	numbers   atomic.Pointer[numbers] // as of the last commit

	mu      sync.Mutex // guards the next three
	queue   []*call
	writing bool
	closed  bool
	writer  *conn // belongs to whoever is writing

	watched  watched
	watchers state.Watchers
	drops    maildrops
	removals removals
	janitor  janitor
}

var _ store.Store = (*Store)(nil)

// Open opens the store in a directory, and makes both if they don't exist. The error says so if another process uses
// the directory, or if a newer mailrig has written it.
func Open(dir string, o Options) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory for kept mail: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{
		dir: dir, lock: lock,
		domain: strings.ToLower(o.Domain), maxBytes: o.MaxMessageBytes, now: o.Now, onTrouble: o.OnTrouble,
		readers: make(chan *conn, maxReaders), ended: make(chan struct{}),
	}
	if s.domain == "" {
		s.domain = defaultDomain
	}
	if s.maxBytes <= 0 {
		s.maxBytes = defaultMaxBytes
	}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the mail kept in %s: %w", dir, err), s.Close())
	}
	s.janitor.start(s, o.Keep)
	return s, nil
}

// open opens the connections and brings the tables up to date.
func (s *Store) open() error {
	path := filepath.Join(s.dir, fileName)
	var err error
	if s.writer, err = openWriter(path); err != nil {
		return err
	}
	if err := migrate(s.writer, s.now()); err != nil {
		return err
	}
	if err := freeClaims(s.writer); err != nil && s.onTrouble != nil {
		s.onTrouble(failure(err)) // they end with their leases, then
	}
	for range maxReaders {
		c, err := openReader(path)
		if err != nil {
			return err
		}
		s.readers <- c
		s.opened++
	}
	n, err := loadNumbers(s.writer)
	s.numbers.Store(&n)
	return err
}

// Close waits for calls that are under way and closes the files. Later calls fail.
func (s *Store) Close() error {
	s.janitor.stop()
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	close(s.ended)
	var errs []error
	s.awaitWriter()
	for range s.opened {
		select {
		case c := <-s.readers:
			errs = append(errs, c.close())
		case <-time.After(closePatience):
		}
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	return errors.Join(append(errs, s.lock.release())...)
}

// closePatience is how long Close waits for a reader.
const closePatience = 5 * time.Second

// Address implements store.Accounts.
func (s *Store) Address(name string) string { return store.CanonicalAddress(name, s.domain) }

// unavailable returns the error for a store that is closed.
func unavailable() error { return fmt.Errorf("%w: mailrig is about to end", store.ErrUnavailable) }

// read lends the caller a connection on which it sees one consistent state.
func (s *Store) read(ctx context.Context, do func(*conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var c *conn
	select {
	case c = <-s.readers:
	case <-s.ended:
		return unavailable()
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { s.readers <- c }()
	if err := c.exec("BEGIN"); err != nil {
		return failure(err)
	}
	err := do(c)
	if end := c.exec("COMMIT"); err == nil {
		err = end
	}
	return failure(err)
}
