// Package shared is a store that several servers share: everything is in a PostgreSQL database. The server uses it if it is
// told the URL of one.
//
// Package tables has what a store does, and package postgres the database. This package has the tables (schema.go), the
// connections (conn.go), the transactions (engine.go), the locks of maildrops (lease.go), and what servers tell each other
// (news.go).
//
// One transaction at a time changes something, of all servers together: it holds the lock on the row of counters until its
// commit. So UIDs, mod-sequences and numbers of arrivals become visible in their order, without gaps that are filled later,
// and no two transactions wait for each other in a circle. Changes of one server that come at the same time share a
// transaction, which costs few round trips (conn.go). Nobody who reads waits for them.
package shared

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/postgres"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/tables"
)

// Options configure a Store. The zero value is ready to use.
type Options struct {
	Domain          string           // appended to names without "@"; "" means "example.test"
	MaxMessageBytes int64            // larger messages are refused with store.ErrTooBig; 0 means 50 MiB
	Now             func() time.Time // nil means time.Now
	Keep            tables.Keep      // what is removed in time; servers that share a database should agree
	// OnTrouble is called when a change could not be written, with what is wrong. It must be quick, and may be nil.
	OnTrouble func(err error)
}

// Store implements store.Store. Close it before its database.
type Store struct {
	*tables.Store
	engine *engine
	db     *postgres.DB

	ctx      context.Context // ends at Close
	cancel   context.CancelFunc
	done     sync.WaitGroup
	unheard  chan struct{} // a token: something may have been missed
	stopNews func()
}

var _ store.Store = (*Store)(nil)

// Open opens the store in a database, and makes its tables if there are none. The database stays the caller's.
func Open(ctx context.Context, db *postgres.DB, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := db.Migrate(ctx, part(o.Now())); err != nil {
		return nil, err
	}
	e := &engine{db: db}
	st, err := tables.New(ctx, e, tables.Options{Domain: o.Domain, MaxMessageBytes: o.MaxMessageBytes, Now: o.Now, Keep: o.Keep, OnTrouble: o.OnTrouble})
	if err != nil {
		return nil, fmt.Errorf("open the mail in %s: %w", db, err)
	}
	s := &Store{Store: st, engine: e, db: db, unheard: make(chan struct{}, 1)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.done.Go(s.recheck)
	s.stopNews = db.OnNews(topic, s.hear)
	return s, nil
}

// Close waits for changes that are under way. Later calls fail.
func (s *Store) Close() error {
	if !s.Store.Close() {
		return nil
	}
	s.stopNews()
	s.engine.ended.Store(true)
	s.cancel()
	s.done.Wait()
	return nil
}
