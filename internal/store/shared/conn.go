package shared

import (
	"context"
	"errors"
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
func (c *conn) fault(err error) error {
	switch {
	case err == nil:
		return nil
	case c.ctx.Err() != nil:
		return fault{c.ctx.Err()}
	case errors.Is(err, context.DeadlineExceeded):
		return fault{fmt.Errorf("%w: the database has not answered within %v", store.ErrUnavailable, answerTime)}
	}
	return fault{postgres.Failure(err)}
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
	err = c.send(func(results pgx.BatchResults) error {
		last, err = results.Exec()
		return err
	})
	return last, err
}

// send sends what was put off. answer reads the result of the last statement.
func (c *conn) send(answer func(pgx.BatchResults) error) (err error) {
	batch := c.pending
	c.pending, c.bytes = pgx.Batch{}, 0
	ctx, cancel := context.WithTimeout(c.ctx, answerTime)
	defer cancel()
	results := c.conn.SendBatch(ctx, &batch)
	defer func() {
		if end := results.Close(); err == nil {
			err = c.fault(end)
		}
	}()
	for range batch.Len() - 1 {
		if _, err := results.Exec(); err != nil {
			return c.fault(err)
		}
	}
	if err := answer(results); err != nil {
		return c.fault(err)
	}
	return nil
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
	all := func(rows pgx.Rows) error {
		defer rows.Close()
		for ofCaller == nil && rows.Next() {
			ofCaller = f(row{rows})
		}
		rows.Close()
		return rows.Err()
	}
	var err error
	if c.pending.Len() > 0 {
		c.later(text, args...)
		err = c.send(func(results pgx.BatchResults) error {
			rows, err := results.Query()
			if err != nil {
				return err
			}
			return all(rows)
		})
	} else {
		err = c.ask(text, args, all)
	}
	if err != nil {
		return err
	}
	return ofCaller
}

// ask sends one statement.
func (c *conn) ask(text string, args []any, all func(pgx.Rows) error) error {
	ctx, cancel := context.WithTimeout(c.ctx, answerTime)
	defer cancel()
	rows, err := c.conn.Query(ctx, text, args...)
	if err != nil {
		return c.fault(err)
	}
	return c.fault(all(rows))
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
