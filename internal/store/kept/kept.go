// Package kept is a store that keeps everything in a directory, in an SQLite database (package modernc.org/sqlite, which
// needs no C). The server uses it if it is told where to keep its mail.
//
// Package tables has what a store does. This package has the database: its tables (schema.go), its connections (conn.go),
// its transactions (engine.go), and the locks of maildrops (lease.go), which are in memory, because one process at a time
// uses a directory (lock_unix.go). What is committed is on the disk.
package kept

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/tables"
)

// fileName is the database's name in its directory.
const fileName = "mailrig.db"

// Options configure a Store. The zero value is ready to use.
type Options struct {
	Domain          string           // appended to names without "@"; "" means "example.test"
	MaxMessageBytes int64            // larger messages are refused with store.ErrTooBig; 0 means 50 MiB
	Now             func() time.Time // nil means time.Now
	Keep            tables.Keep      // what is removed in time
	// OnTrouble is called when a change could not be written, with what is wrong. It must be quick, and may be nil.
	OnTrouble func(err error)
}

// Store implements store.Store. Close it.
type Store struct {
	*tables.Store
	engine *engine
	lock   *dirLock
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
	now := o.Now
	if now == nil {
		now = time.Now
	}
	e, err := openEngine(filepath.Join(dir, fileName), now())
	s := &Store{engine: e, lock: lock}
	if e.unclaimed != nil && o.OnTrouble != nil {
		o.OnTrouble(e.unclaimed)
	}
	if err == nil {
		s.Store, err = tables.New(context.Background(), e, tables.Options{
			Domain: o.Domain, MaxMessageBytes: o.MaxMessageBytes, Now: now, Keep: o.Keep, OnTrouble: o.OnTrouble, Alone: true,
		})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the mail kept in %s: %w", dir, err), e.close(), lock.release())
	}
	return s, nil
}

// Close waits for calls that are under way and closes the files. Later calls fail.
func (s *Store) Close() error {
	if !s.Store.Close() {
		return nil
	}
	return errors.Join(s.engine.close(), s.lock.release())
}

// Check reads everything: the file's structure, what should agree, and each message's bytes.
func (s *Store) Check(ctx context.Context) (tables.Report, error) {
	var structure []string
	err := s.engine.Read(ctx, func(c tables.Conn) error {
		return c.Each("PRAGMA integrity_check", nil, func(rows tables.Rows) error {
			var line string
			err := rows.Scan(&line)
			structure = append(structure, line)
			return err
		})
	})
	if err != nil {
		return tables.Report{}, err
	}
	r, err := s.Store.Check(ctx)
	if len(structure) != 1 || structure[0] != "ok" {
		r.Problems = append(structure, r.Problems...)
	}
	return r, err
}

// Compact gives the room of what was removed back to the disk. It needs as much room as what is there.
func (s *Store) Compact() error {
	return s.Idle(func() error { return failure(s.engine.writer.script("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")) })
}

// Exists reports whether a directory holds kept mail. Open would make some.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, fileName))
	return err == nil
}
