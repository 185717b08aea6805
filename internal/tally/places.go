package tally

import (
	"context"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/postgres"
)

// Hold implements fault.Counters. Places that are held at a replica which has died are free. Who asks for places of one key
// does so one after the other.
func (c *counters) Hold(ctx context.Context, k fault.Key, places int) (bool, error) {
	if places <= 0 {
		return false, nil
	}
	done, err := c.all(ctx,
		statement{"SELECT pg_advisory_xact_lock($1)", []any{c.lock(k)}},
		statement{`INSERT INTO mailrig.places AS p (run, rule, subject, replica, held)
			SELECT $1, $2, $3, $4, 1 WHERE $5::bigint > (
				SELECT coalesce(sum(held), 0) FROM mailrig.places h JOIN mailrig.replicas r ON r.id = h.replica
				WHERE h.run = $1 AND h.rule = $2 AND h.subject = $3 AND r.seen > now() - make_interval(secs => $6))
			ON CONFLICT (run, rule, subject, replica) DO UPDATE SET held = p.held + 1`,
			c.args(k, c.self(), places, postgres.DeadAfter.Seconds())})
	return err == nil && done.RowsAffected() == 1, err
}

// Release implements fault.Counters.
func (c *counters) Release(ctx context.Context, k fault.Key) error {
	const which = " WHERE run = $1 AND rule = $2 AND subject = $3 AND replica = $4"
	_, err := c.all(ctx,
		statement{"UPDATE mailrig.places SET held = held - 1" + which, c.args(k, c.self())},
		statement{"DELETE FROM mailrig.places" + which + " AND held <= 0", c.args(k, c.self())})
	return err
}

func (c *counters) self() string { return c.tally.db.Self().ID }
