// Package postgres is what all parts of mailrig that share a PostgreSQL database have in common. Any number of processes,
// the replicas of one rig, use a database at the same time.
//
//   - Open opens a pool of connections (postgres.go). The errors say what to do, and never have the password (url.go).
//   - A part of mailrig keeps its tables in the schema "mailrig" and brings them up to date with Migrate (schema.go).
//   - Tell tells all replicas of a change, OnNews and Watch hear of it (news.go, listen.go).
//   - Each replica has a name, and a heartbeat by which the others see that it lives (replica.go).
//   - Failure says what an error of the database means for a client (errors.go).
//
// It works through a pooler such as PgBouncer in transaction mode too: nothing depends on the state of a session, except
// LISTEN, for which polling takes over.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	maxConnections  = 16              // in the pool, unless the URL has pool_max_conns
	connectTime     = 3 * time.Second // unless the URL has connect_timeout
	openTime        = 10 * time.Second
	openRetry       = 250 * time.Millisecond
	idleTime        = 5 * time.Minute
	checkIdleEvery  = time.Minute
	leastVersion    = 130000 // PostgreSQL 13
	leastVersionSay = "13"
)

// Options configure a DB. The zero value is ready to use.
type Options struct {
	Name   string        // what a person calls this replica; "" means the name of the machine
	Wait   time.Duration // how long Open waits for a database that isn't there yet; 0 means 10 s
	Logger *slog.Logger  // nil is silent

	pollEvery time.Duration // 0 means pollEvery; for tests
}

// DB is a database that replicas share. Any goroutine may call its methods. Close it.
type DB struct {
	pool   *pgxpool.Pool
	config *pgx.ConnConfig // of a connection outside the pool
	masked string
	pooled bool // by a pooler between us and the database
	logger *slog.Logger

	self Replica
	news news
	away atomic.Pointer[error] // as of the last heartbeat

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// Open opens the database at a URL such as postgres://user:password@host/database. It waits for a database that isn't there
// yet, but not for one that refuses the login.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	cfg, err := parse(url)
	if err != nil {
		return nil, err
	}
	db := &DB{masked: Masked(url), config: cfg.ConnConfig, logger: o.Logger}
	if db.logger == nil {
		db.logger = slog.New(slog.DiscardHandler)
	}
	if o.Wait == 0 {
		o.Wait = openTime
	}
	if err := db.reach(ctx, o.Wait); err != nil {
		return nil, err
	}
	if db.pooled {
		// A pooler may give each transaction another session, which knows no statement that was prepared before.
		db.config.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	if db.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return nil, db.explain("open", err)
	}
	if err := db.begin(ctx, o); err != nil {
		db.pool.Close()
		return nil, err
	}
	return db, nil
}

// begin makes the tables of this package, and starts what runs as long as the database is open.
func (db *DB) begin(ctx context.Context, o Options) error {
	if err := db.Migrate(ctx, shared); err != nil {
		return err
	}
	if err := db.join(ctx, o.Name); err != nil {
		return db.explain("tell the other replicas of this one", err)
	}
	db.news.poll = o.pollEvery
	if db.news.poll == 0 {
		db.news.poll = pollEvery
	}
	run, cancel := context.WithCancel(context.Background())
	db.cancel = cancel
	listening := make(chan struct{})
	db.done.Go(func() { db.beat(run) })
	db.done.Go(func() { db.listen(run, sync.OnceFunc(func() { close(listening) })) })
	select {
	case <-listening: // what others tell from now on is heard
	case <-ctx.Done():
		db.cancel()
		db.done.Wait()
		return ctx.Err()
	}
	return nil
}

// reach connects once, to see whether that works, and how.
func (db *DB) reach(ctx context.Context, patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for {
		err := db.look(ctx)
		if err == nil || !awaited(err) || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		db.logger.Info("waiting for the database", "database", db.masked, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(openRetry):
		}
	}
}

func (db *DB) look(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, db.config)
	if err != nil {
		return db.explain("connect to", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var pid uint32
	var version int
	// The simple protocol, because a pooler may be there.
	err = conn.QueryRow(ctx, "SELECT pg_backend_pid(), current_setting('server_version_num')::int", pgx.QueryExecModeSimpleProtocol).Scan(&pid, &version)
	if err != nil {
		return db.explain("connect to", err)
	}
	if version < leastVersion {
		return fmt.Errorf("the database %s is older than PostgreSQL %s: use a newer one", db.masked, leastVersionSay)
	}
	db.pooled = pid != conn.PgConn().PID() // a pooler gives each client a number of its own
	return nil
}

// Close tells the other replicas that this one has ended, and closes all connections. Connections that are in use are
// waited for.
func (db *DB) Close() error {
	db.cancel()
	db.done.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), connectTime)
	defer cancel()
	err := db.leave(ctx)
	db.pool.Close()
	if errors.Is(Failure(err), errAway) {
		return nil // it sees that from the heartbeat
	}
	return err
}

// Pool returns the pool of connections. Its owner is the DB: don't close it.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Pooled reports whether there is a pooler between this process and the database.
func (db *DB) Pooled() bool { return db.pooled }

// String returns the URL without its password.
func (db *DB) String() string { return db.masked }

// Away returns why the database couldn't be asked at the last heartbeat, or nil if it could. It asks nobody.
func (db *DB) Away() error {
	if err := db.away.Load(); err != nil {
		return *err
	}
	return nil
}
