package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	pollEvery   = 500 * time.Millisecond
	retryListen = time.Minute            // after polling took over
	probeTime   = 2 * time.Second        // until a probe must have come back
	quietTime   = 2 * time.Second        // without news, until the connection is tried
	reconnect   = 250 * time.Millisecond // between two attempts
	probeTopic  = "probe"
)

// errHidden says that news don't come through: there is a pooler between, or the server is a standby.
var errHidden = errors.New("LISTEN and NOTIFY don't work here")

// listen hears what others tell, on a connection of its own, until ctx ends. It calls began when the first attempt has
// succeeded, or failed.
func (db *DB) listen(ctx context.Context, began func()) {
	defer began()
	said := false
	for ctx.Err() == nil {
		err := db.listenOnce(ctx, began)
		if ctx.Err() != nil {
			return
		}
		if !errors.Is(err, errHidden) {
			began()
			db.logger.Debug("the connection for news has ended", "database", db.masked, "error", err)
			db.pool.Reset() // the others have most probably broken too, and nobody should find out by a call that fails
			pause(ctx, reconnect)
			continue
		}
		if !said {
			said = true
			db.logger.Info("news are polled for: LISTEN and NOTIFY don't reach the database", "database", db.masked, "every", db.news.poll)
		}
		began()
		db.pollNews(ctx)
	}
}

// pollNews lets everybody look for themselves, for some time.
func (db *DB) pollNews(ctx context.Context) {
	tick := time.NewTicker(db.news.poll)
	defer tick.Stop()
	for end := time.Now().Add(retryListen); time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			db.missed()
		}
	}
}

// listenOnce hears news until the connection breaks.
func (db *DB) listenOnce(ctx context.Context, began func()) error {
	conn, err := pgx.ConnectConfig(ctx, db.config)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background()) // ctx has ended
	if _, err := conn.Exec(ctx, "LISTEN "+channel); readOnly(err) {
		return errHidden
	} else if err != nil {
		return err
	}
	if err := db.probe(ctx, conn); err != nil {
		return err
	}
	db.missed() // whatever was told before LISTEN
	began()
	for {
		n, err := await(ctx, conn, quietTime)
		if err != nil {
			return err
		}
		if n != nil {
			db.hear(n.Payload)
			continue
		}
		// A link that was cut says nothing.
		bounded, cancel := context.WithTimeout(ctx, probeTime)
		_, err = conn.Exec(bounded, "SELECT 1")
		cancel()
		if err != nil {
			return err
		}
	}
}

// probe sends news to itself.
func (db *DB) probe(ctx context.Context, conn *pgx.Conn) error {
	sent := db.Payload(probeTopic, fmt.Sprint(time.Now().UnixNano()), "")
	if _, err := db.pool.Exec(ctx, TellQuery, sent); err != nil {
		return err
	}
	deadline := time.Now().Add(probeTime)
	for {
		left := time.Until(deadline)
		if left <= 0 {
			return errHidden
		}
		n, err := await(ctx, conn, left)
		if err != nil {
			return err
		}
		if n != nil && n.Payload == sent {
			return nil
		}
	}
}

// await returns the next news, or nil if none come in time.
func await(ctx context.Context, conn *pgx.Conn, patience time.Duration) (*pgconn.Notification, error) {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	n, err := conn.WaitForNotification(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil && !conn.IsClosed() {
		return nil, nil
	}
	return n, err
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
