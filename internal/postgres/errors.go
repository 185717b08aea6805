package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mailrig/mailrig/internal/store"
)

// errAway is what Failure says of a database that can't be asked.
var errAway = store.ErrUnavailable

// Failure says what an error of a call to the database means for a client: store.ErrUnavailable, ErrReadOnly or ErrFull is in
// it, or none of them if the statement itself is wrong. The end of a caller's own context, nil and pgx.ErrNoRows stay as
// they are.
func Failure(err error) error {
	var e *pgconn.PgError
	var connect *pgconn.ConnectError
	var scan pgx.ScanArgError
	switch {
	case err == nil, errors.Is(err, pgx.ErrNoRows), store.Unavailable(err) && !errors.As(err, &connect), errors.As(err, &scan):
		return err
	case errors.As(err, &connect):
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	case !errors.As(err, &e): // the connection has broken
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	if kind := meaning(e.Code); kind != nil {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}

// meaning returns what a code means for a client (PostgreSQL's documentation, appendix A), or nil.
func meaning(code string) error {
	switch code {
	case "25006": // read_only_sql_transaction: default_transaction_read_only, or a standby
		return store.ErrReadOnly
	case "53100": // disk_full
		return store.ErrFull
	case "25P03", // idle_in_transaction_session_timeout
		"40001", "40P01", // serialization_failure, deadlock_detected
		"55P03", // lock_not_available
		"3D000": // invalid_catalog_name: the database is gone
		return store.ErrUnavailable
	}
	switch code[:2] {
	case "08", // connection exception
		"28", // invalid authorization
		"53", // insufficient resources
		"57", // operator intervention
		"58": // system error
		return store.ErrUnavailable
	}
	return nil
}

// awaited reports whether a database that can't be reached with this error may be there soon.
func awaited(err error) bool {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code == "57P03" || e.Code == "53300" // cannot_connect_now, too_many_connections
	}
	var connect *pgconn.ConnectError
	return errors.As(err, &connect)
}

// explain adds what to do to an error at the start.
func (db *DB) explain(what string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	advice := "see that it runs there, and that this machine reaches it"
	var e *pgconn.PgError
	if errors.As(err, &e) {
		switch {
		case e.Code[:2] == "28":
			advice = "see the name and the password in the URL, and the server's pg_hba.conf"
		case e.Code == "3D000":
			advice = "create the database, for example with createdb, or name another one in the URL"
		case e.Code == "42501" || e.Code == "3F000":
			advice = "let the user of the URL create a schema there: GRANT CREATE ON DATABASE"
		case e.Code == "25006":
			advice = "name the primary in the URL: mailrig has to write there once"
		case e.Code == "53300":
			advice = "raise the server's max_connections, or give pool_max_conns=4 in the URL"
		default:
			advice = "look at the server's log"
		}
	}
	return fmt.Errorf("can't %s the database %s; %s (%w)", what, db.masked, advice, err)
}

func readOnly(err error) bool { return errors.Is(Failure(err), store.ErrReadOnly) }
