package tally

import (
	"context"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/postgres"
)

const (
	// ended is how long what an activation counted stays after it has ended and nobody counts any more. Connections that
	// are older than a switch go on with what they began with.
	ended = 24 * time.Hour
	// sweepTime is how long what was forgotten may take to be removed.
	sweepTime = time.Minute
)

// grown notes that keys or moments with a subject were added, and forgets some when it is time to look.
func (c *counters) grown(ctx context.Context, k fault.Key, n int64) {
	if k.Subject == "" || c.added.Add(n) <= int64(c.most/8) {
		return
	}
	c.added.Store(0)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweepTime)
	defer cancel()
	if err := c.forget(ctx); err != nil {
		c.tally.log.Warn("old counts of the active scenarios can't be removed", "error", err)
	}
}

// forget removes what was used longest ago, and is too much. A key counts as one, and each of its moments as one more. Rows
// that somebody is changing stay.
func (c *counters) forget(ctx context.Context) error {
	_, err := c.tally.db.Pool().Exec(ctx, `WITH weighed AS (
			SELECT id, used, 1 + (SELECT count(*) FROM mailrig.moments m WHERE m.id = c.id AND c.allowed > 0) AS weight
			FROM mailrig.counts c WHERE run = $1 AND subject <> ''),
		summed AS (SELECT id, sum(weight) OVER (ORDER BY used DESC, id DESC) AS sum FROM weighed),
		old AS (SELECT id FROM mailrig.counts WHERE id IN (SELECT id FROM summed WHERE sum > $2) FOR UPDATE SKIP LOCKED)
		DELETE FROM mailrig.counts c USING old WHERE c.id = old.id`, c.run, c.most)
	return postgres.Failure(err)
}

// Keep removes what runs have counted that aren't active any more, a day after they were last used. active are the names of
// those that are. Whoever has activated something should call it once in a while.
func (t *Tally) Keep(ctx context.Context, active []string) error {
	ctx, cancel := context.WithTimeout(ctx, sweepTime)
	defer cancel()
	return t.keep(ctx, active, ended)
}

// keep is Keep for those that nobody has used for some time. The places of replicas that have ended go too.
func (t *Tally) keep(ctx context.Context, active []string, unused time.Duration) error {
	pool := t.db.Pool()
	_, err := pool.Exec(ctx, `DELETE FROM mailrig.counts WHERE run <> ALL ($1) AND used < now() - make_interval(secs => $2)`, active, unused.Seconds())
	if err == nil {
		_, err = pool.Exec(ctx, "DELETE FROM mailrig.places p WHERE NOT EXISTS (SELECT FROM mailrig.replicas r WHERE r.id = p.replica)")
	}
	return postgres.Failure(err)
}
