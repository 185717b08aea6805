package shared

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mailrig/mailrig/internal/postgres"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/tables"
)

// acquireTime is how long a call waits for a connection.
const acquireTime = 5 * time.Second

// engine implements tables.Engine.
type engine struct {
	db         *postgres.DB
	statements statements
	ended      atomic.Bool
}

// with lends a connection.
func (e *engine) with(ctx context.Context, do func(*conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if e.ended.Load() {
		return tables.Ended()
	}
	c, err := e.acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release() // in a transaction, it is closed
	return do(&conn{conn: c.Conn(), statements: &e.statements, ctx: ctx})
}

func (e *engine) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	bounded, cancel := context.WithTimeout(ctx, acquireTime)
	defer cancel()
	c, err := e.db.Pool().Acquire(bounded)
	switch {
	case err == nil:
		return c, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case bounded.Err() != nil:
		return nil, fmt.Errorf("%w: there is no free connection to the database", store.ErrUnavailable)
	}
	return nil, postgres.Failure(err)
}

// Read implements tables.Engine.
func (e *engine) Read(ctx context.Context, do func(tables.Conn) error) error {
	return e.with(ctx, func(c *conn) error {
		c.later("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
		if err := do(c); err != nil {
			c.rollback()
			return err
		}
		return c.end()
	})
}

// Ask implements tables.Engine.
func (e *engine) Ask(ctx context.Context, do func(tables.Conn) error) error {
	return e.with(ctx, func(c *conn) error { return do(c) })
}

// Write implements tables.Engine. No caller's context applies, because the transaction is that of several. If this process
// stops in the middle of it, or can't be reached any more, the database ends the transaction in time: all others wait for it.
func (e *engine) Write(do func(tables.Conn) error) error {
	return e.with(context.Background(), func(c *conn) error {
		c.later("BEGIN")
		c.later("SELECT set_config('idle_in_transaction_session_timeout', '10s', true), set_config('lock_timeout', '8s', true)")
		if err := do(c); err != nil {
			c.rollback()
			return err
		}
		return c.end()
	})
}

// end commits. If it can't be known whether that was done, it is an error.
func (c *conn) end() error {
	c.later("COMMIT")
	did, err := c.flush()
	if err != nil {
		c.rollback()
		return fmt.Errorf("commit: %w", err)
	}
	if did.String() != "COMMIT" { // it was a transaction that had failed
		return fmt.Errorf("%w: the database has answered %s to a commit", store.ErrUnavailable, did)
	}
	return nil
}

// rollbackTime is how long a rollback may take. Then the connection is closed, which has the same effect.
const rollbackTime = time.Second

func (c *conn) rollback() {
	if c.conn.IsClosed() || c.conn.PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
	defer cancel()
	_, _ = c.conn.Exec(ctx, "ROLLBACK") // or the pool closes the connection
}

// Broken implements tables.Engine.
func (e *engine) Broken(err error) bool {
	var f fault
	return errors.As(err, &f)
}
