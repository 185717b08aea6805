// Package tally counts for rules, for all servers that share a PostgreSQL database: what "times: 5" means is five times in
// all, whichever server a client comes to. It implements fault.Counters.
//
// Whatever is counted belongs to a run: one activation of scenarios. All servers that have it active give the same name of
// the run, and a new activation has a new one, which begins at zero.
//
//   - What was counted, and when: counts.go. Places that connections hold: places.go.
//   - What is forgotten, and when: forget.go. The tables: schema.go.
//
// Each question costs one round trip, also those that take two statements: they are sent together, and PostgreSQL carries
// them out in one transaction. Its clock is the only one, so clocks of servers may differ.
//
// If the connection breaks before the answer is there, it may have been counted all the same. So a rule acts as often as it
// says, or less.
package tally

import (
	"context"
	"crypto/sha256"
	"hash/fnv"
	"log/slog"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/postgres"
)

// Tally keeps counters in a database. Any goroutine may call its methods.
type Tally struct {
	db  *postgres.DB
	log *slog.Logger
}

// Open returns the counters in a database, and makes their tables if there are none. log may be nil.
func Open(ctx context.Context, db *postgres.DB, log *slog.Logger) (*Tally, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := db.Migrate(ctx, part); err != nil {
		return nil, err
	}
	return &Tally{db: db, log: log}, nil
}

// Counters returns the counters of a run. They hold about this many keys and moments: when the servers together have added an
// eighth more, each of them, what was used longest ago is forgotten.
func (t *Tally) Counters(run string, most int) fault.Counters {
	return &counters{tally: t, run: run, most: most}
}

// counters implements fault.Counters for one run.
type counters struct {
	tally *Tally
	run   string
	most  int
	added atomic.Int64 // keys and moments that this server has added since it last looked at the bound
}

// longSubject is how long a subject is kept as it is, in bytes. A longer one is kept as its SHA-256.
const longSubject = 64

func subject(k fault.Key) []byte {
	if len(k.Subject) > longSubject {
		sum := sha256.Sum256([]byte(k.Subject))
		return sum[:]
	}
	return []byte(k.Subject)
}

// args returns the run and the key, as the first three arguments of a statement.
func (c *counters) args(k fault.Key, more ...any) []any {
	return append([]any{c.run, k.Rule, subject(k)}, more...)
}

// lock is the number of the advisory lock for a key.
func (c *counters) lock(k fault.Key) int64 {
	h := fnv.New64a()
	for _, part := range [][]byte{[]byte("mailrig.places"), []byte(c.run), []byte(k.Rule), subject(k)} {
		_, _ = h.Write(part)
		_, _ = h.Write([]byte{0})
	}
	return int64(h.Sum64())
}

// row asks for one row.
func (c *counters) row(ctx context.Context, query string, args []any, dest ...any) error {
	return again(func() error {
		return c.tally.db.Pool().QueryRow(ctx, query, args...).Scan(dest...)
	})
}

// statement is one of several that are carried out in one transaction.
type statement struct {
	query string
	args  []any
}

// all carries out statements in one transaction and one round trip. It returns what the last one did.
func (c *counters) all(ctx context.Context, list ...statement) (last pgconn.CommandTag, err error) {
	err = again(func() error {
		var batch pgx.Batch
		for _, s := range list {
			batch.Queue(s.query, s.args...)
		}
		results := c.tally.db.Pool().SendBatch(ctx, &batch)
		for range list {
			if last, err = results.Exec(); err != nil {
				break
			}
		}
		if end := results.Close(); err == nil {
			err = end
		}
		return err
	})
	return last, err
}

// again tries once more what has failed before anything was sent: on a connection that has broken since it was last used.
func again(do func() error) error {
	err := do()
	if err != nil && pgconn.SafeToRetry(err) {
		err = do()
	}
	return postgres.Failure(err)
}
