package kept

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"modernc.org/sqlite"

	"github.com/mailrig/mailrig/internal/store/tables"
)

// maxReaders is how many calls read at a time. Each has a connection with cacheKiB of memory.
const (
	maxReaders = 4
	cacheKiB   = 4096
)

// conn is a connection to the database, with the statements that were prepared on it. One goroutine at a time uses it.
type conn struct {
	db       *sql.DB
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
}

// openWriter opens the connection that changes the database, and makes the database if there is none. What is committed
// there is on the disk: with synchronous=FULL, SQLite waits for fsync of its write-ahead log at each commit.
func openWriter(path string) (*conn, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // SQLite would let others read it
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return open(path, "rwc", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(OFF)")
}

// openReader opens a connection that can't change anything.
func openReader(path string) (*conn, error) { return open(path, "ro") }

func open(path, mode string, pragmas ...string) (*conn, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	values := url.Values{
		"mode":    {mode},
		"_pragma": slices.Concat([]string{"busy_timeout(10000)", fmt.Sprintf("cache_size(-%d)", cacheKiB)}, pragmas),
	}
	name := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(abs), RawQuery: values.Encode()}
	db := sql.OpenDB(connector(name.String()))
	db.SetMaxOpenConns(1)
	c, err := db.Conn(context.Background())
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &conn{db: db, conn: c, prepared: map[string]*sql.Stmt{}}, nil
}

// connector opens connections without the table of drivers' names.
type connector string

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.Driver().Open(string(c)) }
func (connector) Driver() driver.Driver                          { return &sqlite.Driver{} }

// close closes the connection. SQLite keeps one open whose statements aren't closed; the last one to close moves what is in
// the write-ahead log to its place.
func (c *conn) close() error {
	var errs []error
	for _, st := range c.prepared {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, c.conn.Close(), c.db.Close())...)
}

// statement returns a prepared statement. The texts are constants of this package, so their number has a bound.
func (c *conn) statement(query string) (*sql.Stmt, error) {
	if st := c.prepared[query]; st != nil {
		return st, nil
	}
	st, err := c.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	c.prepared[query] = st
	return st, nil
}

// Exec implements tables.Conn. No caller's context applies: a statement that is interrupted would end the transaction
// of others.
func (c *conn) Exec(query string, args ...any) error {
	st, err := c.statement(query)
	if err != nil {
		return err
	}
	_, err = st.ExecContext(context.Background(), args...)
	return err
}

// Get implements tables.Conn.
func (c *conn) Get(query string, args []any, dest ...any) (found bool, err error) {
	st, err := c.statement(query)
	if err != nil {
		return false, err
	}
	err = st.QueryRowContext(context.Background(), args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// Each implements tables.Conn.
func (c *conn) Each(query string, args []any, f func(tables.Rows) error) (err error) {
	st, err := c.statement(query)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(context.Background(), args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// script carries out several statements.
func (c *conn) script(text string) error {
	_, err := c.conn.ExecContext(context.Background(), text)
	return err
}
