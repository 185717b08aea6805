package shared

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/mailrig/mailrig/internal/postgres"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/tables"
)

// valid is the condition for a lease that holds: its time isn't over, and its replica lives. The database's clock counts.
var valid = fmt.Sprintf(`leases.until > now() AND EXISTS
	(SELECT 1 FROM mailrig.replicas r WHERE r.id = leases.replica AND r.seen > now() - interval '%d seconds')`, int(postgres.DeadAfter.Seconds()))

// lease implements store.Lease with a row.
type lease struct {
	store   *Store
	address string
	token   string
}

// LockMaildrop implements store.Accounts.
func (s *Store) LockMaildrop(ctx context.Context, name string) (store.Lease, error) {
	address, err := s.OpenAccount(ctx, name)
	if err != nil {
		return nil, err
	}
	l := &lease{s, address, rand.Text()}
	rows, err := s.exec(ctx, `INSERT INTO mailrig.leases VALUES ($1, $2, $3, now() + $4 * interval '1 second') ON CONFLICT (address)
		DO UPDATE SET replica = excluded.replica, token = excluded.token, until = excluded.until WHERE NOT (`+valid+`)`,
		quoted(address), s.db.Self().ID, l.token, store.LeaseTime.Seconds())
	if err == nil && rows == 0 {
		err = fmt.Errorf("%w: end the other POP3 session of %s first", store.ErrInUse, address)
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// exec carries out a statement by itself, and returns how many rows it has changed.
func (s *Store) exec(ctx context.Context, text string, args ...any) (rows int64, err error) {
	err = s.engine.with(ctx, func(c *conn) error {
		c.later(text, args...)
		did, err := c.flush()
		rows = did.RowsAffected()
		return err
	})
	return rows, err
}

// Renew implements store.Lease.
func (l *lease) Renew(ctx context.Context) error {
	rows, err := l.store.exec(ctx, "UPDATE mailrig.leases SET until = now() + $3 * interval '1 second' WHERE address = $1 AND token = $2",
		quoted(l.address), l.token, store.LeaseTime.Seconds())
	if err == nil && rows == 0 {
		err = store.ErrLeaseLost
	}
	return err
}

// releaseEvery is how long Release waits before it tries again.
const releaseEvery = time.Second

// Release implements store.Lease. While the database is away, it goes on trying: otherwise nobody could log in until the lease
// ends.
func (l *lease) Release(ctx context.Context) error {
	release := func(ctx context.Context) error {
		_, err := l.store.exec(ctx, "DELETE FROM mailrig.leases WHERE address = $1 AND token = $2", quoted(l.address), l.token)
		return err
	}
	err := release(context.WithoutCancel(ctx))
	if err == nil || l.store.engine.ended.Load() {
		return err
	}
	l.store.done.Go(func() {
		tick := time.NewTicker(releaseEvery)
		defer tick.Stop()
		for end := time.Now().Add(store.LeaseTime); time.Now().Before(end); {
			select {
			case <-l.store.ctx.Done():
				return
			case <-tick.C:
			}
			if release(l.store.ctx) == nil {
				return
			}
		}
	})
	return err
}

// Locked implements tables.Engine.
func (e *engine) Locked(c tables.Conn, address string) (bool, error) {
	return c.Get("SELECT 1 FROM leases WHERE address = ? AND "+valid, []any{address}, new(int))
}

// Reset implements store.Accounts.
func (s *Store) Reset(ctx context.Context) error {
	return s.Clear(ctx, func(c tables.Conn) error { return c.Exec("DELETE FROM leases") })
}
