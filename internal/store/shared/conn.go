package shared

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mailrig/mailrig/internal/postgres"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/tables"
)

const (
	// answerTime is how long the database may take to answer a round trip.
	answerTime = 10 * time.Second
	// mostPending and pendingBytes are how much is put off until the next round trip.
	mostPending  = 500
	pendingBytes = 1 << 20
)

// conn implements tables.Conn. What needs no answer is sent together with the next statement that does, so most changes
// cost no round trip of their own.
type conn struct {
	conn       *pgx.Conn
	statements *statements
	ctx        context.Context
	pending    pgx.Batch
	bytes      int // pending
}

// fault is an error of the database, as opposed to the request.
type fault struct{ error }

func (f fault) Unwrap() error { return f.error }

// fault says what an error means.
func (c *conn) fault(err error, bound *bound) error {
	switch {
	case err == nil:
		return nil
	case c.ctx.Err() != nil:
		return fault{c.ctx.Err()}
	case bound.ctx.Err() != nil:
		return fault{fmt.Errorf("%w: the database has not answered within %v", store.ErrUnavailable, answerTime)}
	}
	return fault{postgres.Failure(err)}
}

// bound ends a round trip in which nothing comes for too long.
type bound struct {
	ctx    context.Context
	cancel context.CancelFunc
	timer  *time.Timer
	rows   int
}

func (c *conn) bound() *bound {
	b := &bound{}
	b.ctx, b.cancel = context.WithCancel(c.ctx)
	b.timer = time.AfterFunc(answerTime, b.cancel)
	return b
}

// goesOn says that a row has come.
func (b *bound) goesOn() {
	const some = 64
	if b.rows++; b.rows%some == 0 {
		b.timer.Reset(answerTime)
	}
}

func (b *bound) end() {
	b.timer.Stop()
	b.cancel()
}

// later puts a statement off. Its text is PostgreSQL's.
func (c *conn) later(text string, args ...any) { c.pending.Queue(text, args...) }

// Exec implements tables.Conn.
func (c *conn) Exec(query string, args ...any) error {
	for _, a := range args {
		if raw, ok := a.([]byte); ok {
			c.bytes += len(raw)
		}
	}
	c.later(c.statements.of(query), arguments(args)...)
	if c.pending.Len() < mostPending && c.bytes < pendingBytes {
		return nil
	}
	_, err := c.flush()
	return err
}

// flush sends what was put off. It returns what the last statement did.
func (c *conn) flush() (last pgconn.CommandTag, err error) {
	if c.pending.Len() == 0 {
		return last, nil
	}
	err = c.send(func(results pgx.BatchResults, _ *bound) (err error) {
		last, err = results.Exec()
		return err
	})
	return last, err
}

// send sends what was put off. answer reads the result of the last statement.
func (c *conn) send(answer func(pgx.BatchResults, *bound) error) (err error) {
	batch := c.pending
	c.pending, c.bytes = pgx.Batch{}, 0
	bound := c.bound()
	defer bound.end()
	results := c.conn.SendBatch(bound.ctx, &batch)
	defer func() {
		if end := results.Close(); err == nil {
			err = c.fault(end, bound)
		}
	}()
	for range batch.Len() - 1 {
		if _, err := results.Exec(); err != nil {
			return c.fault(err, bound)
		}
	}
	return c.fault(answer(results, bound), bound)
}

// Get implements tables.Conn.
func (c *conn) Get(query string, args []any, dest ...any) (found bool, err error) {
	err = c.Each(query, args, func(rows tables.Rows) error {
		found = true
		return rows.Scan(dest...)
	})
	return found && err == nil, err
}

// Each implements tables.Conn.
func (c *conn) Each(query string, args []any, f func(tables.Rows) error) error {
	text, args := c.statements.of(query), arguments(args)
	var ofCaller error
	all := func(rows pgx.Rows, err error, bound *bound) error {
		if err != nil {
			return err
		}
		defer rows.Close()
		for ofCaller == nil && rows.Next() {
			bound.goesOn()
			ofCaller = f(row{rows})
		}
		rows.Close()
		return rows.Err()
	}
	var err error
	if c.pending.Len() > 0 {
		c.later(text, args...)
		err = c.send(func(results pgx.BatchResults, bound *bound) error {
			rows, err := results.Query()
			return all(rows, err, bound)
		})
	} else {
		bound := c.bound()
		defer bound.end()
		rows, err1 := c.conn.Query(bound.ctx, text, args...)
		err = c.fault(all(rows, err1, bound), bound)
	}
	if err != nil {
		return err
	}
	return ofCaller
}

// row is the present row, with texts as they were.
type row struct{ rows pgx.Rows }

// Scan implements tables.Rows.
func (r row) Scan(dest ...any) error {
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	unquote(dest)
	return nil
}
