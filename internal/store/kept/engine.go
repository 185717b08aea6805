package kept

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailrig/mailrig/internal/store/tables"
)

// engine implements tables.Engine with one connection that writes, and some that read.
type engine struct {
	writer  *conn
	readers chan *conn
	opened  int           // readers
	ended   chan struct{} // closed by close
	drops   maildrops

	unclaimed error // why claims that a process had which has ended couldn't be freed; they end with their leases
}

// freeClaims ends all claims of records: whoever had them was in a process that has ended.
func freeClaims(c *conn) error {
	return failure(c.Exec("UPDATE records SET free = due WHERE due IS NOT NULL AND free != due"))
}

// openEngine opens the connections and brings the tables up to date. Close the engine also if there is an error.
func openEngine(path string, now time.Time) (*engine, error) {
	e := &engine{readers: make(chan *conn, maxReaders), ended: make(chan struct{})}
	var err error
	if e.writer, err = openWriter(path); err != nil {
		return e, err
	}
	if err := migrate(e.writer, now); err != nil {
		return e, err
	}
	e.unclaimed = freeClaims(e.writer)
	for range maxReaders {
		c, err := openReader(path)
		if err != nil {
			return e, err
		}
		e.readers <- c
		e.opened++
	}
	return e, nil
}

// closePatience is how long close waits for a reader.
const closePatience = 5 * time.Second

// close waits for readers. Nobody writes any more.
func (e *engine) close() error {
	close(e.ended)
	var errs []error
	for range e.opened {
		select {
		case c := <-e.readers:
			errs = append(errs, c.close())
		case <-time.After(closePatience):
		}
	}
	if e.writer != nil {
		errs = append(errs, e.writer.close())
	}
	return errors.Join(errs...)
}

// Read implements tables.Engine.
func (e *engine) Read(ctx context.Context, do func(tables.Conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var c *conn
	select {
	case c = <-e.readers:
	case <-e.ended:
		return tables.Ended()
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { e.readers <- c }()
	if err := c.Exec("BEGIN"); err != nil {
		return failure(err)
	}
	err := do(c)
	if end := c.Exec("COMMIT"); err == nil {
		err = end
	}
	return failure(err)
}

// Ask implements tables.Engine.
func (e *engine) Ask(ctx context.Context, do func(tables.Conn) error) error { return e.Read(ctx, do) }

// Write implements tables.Engine. What is committed is on the disk.
func (e *engine) Write(do func(tables.Conn) error) (err error) {
	c := e.writer
	if err := c.Exec("BEGIN IMMEDIATE"); err != nil {
		return failure(fmt.Errorf("begin to write: %w", err))
	}
	defer func() {
		if err != nil {
			_ = c.script("ROLLBACK") // SQLite may have done so by itself
		}
	}()
	if err := do(c); err != nil {
		return failure(err)
	}
	if err := c.Exec("COMMIT"); err != nil {
		return failure(fmt.Errorf("commit: %w", err))
	}
	return nil
}

// Broken implements tables.Engine.
func (e *engine) Broken(err error) bool { return ofDatabase(err) }

// Locked implements tables.Engine.
func (e *engine) Locked(_ tables.Conn, address string) (bool, error) {
	return e.drops.locked(address), nil
}

// Tell implements tables.Engine. There is nobody to be told.
func (e *engine) Tell(tables.Conn, []tables.News) error { return nil }
