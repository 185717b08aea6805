package tally

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mailrig/mailrig/internal/fault"
)

// Whoever changes a row of counts waits for others that do, and then sees what they have made of it.

// Add implements fault.Counters.
func (c *counters) Add(ctx context.Context, k fault.Key) (n int, err error) {
	var isNew bool
	err = c.row(ctx, `INSERT INTO mailrig.counts AS c (run, rule, subject, n) VALUES ($1, $2, $3, 1)
		ON CONFLICT (run, rule, subject) DO UPDATE SET n = c.n + 1, used = clock_timestamp()
		RETURNING n, n = 1 AND asked = 0 AND allowed = 0`, c.args(k), &n, &isNew)
	if err == nil && isNew {
		c.grown(ctx, k, 1)
	}
	return n, err
}

// Count implements fault.Counters.
func (c *counters) Count(ctx context.Context, k fault.Key) (n int, err error) {
	err = c.row(ctx, "SELECT n FROM mailrig.counts WHERE run = $1 AND rule = $2 AND subject = $3", c.args(k), &n)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return n, err
}

// Age implements fault.Counters.
func (c *counters) Age(ctx context.Context, k fault.Key) (age time.Duration, known bool, err error) {
	var microseconds, asked int64
	err = c.row(ctx, `INSERT INTO mailrig.counts AS c (run, rule, subject, asked, first) VALUES ($1, $2, $3, 1, clock_timestamp())
		ON CONFLICT (run, rule, subject) DO UPDATE SET asked = c.asked + 1, first = coalesce(c.first, clock_timestamp()), used = clock_timestamp()
		RETURNING asked, (1000000 * extract(epoch FROM clock_timestamp() - first))::bigint`, c.args(k), &asked, &microseconds)
	switch {
	case err != nil:
		return 0, false, err
	case asked == 1:
		c.grown(ctx, k, 1)
		return 0, false, nil
	}
	return max(0, time.Duration(microseconds)*time.Microsecond), true, nil
}

// Allow implements fault.Counters. The moment that was the limit-th before this one says whether there is room: it is out of
// the time, or there is none.
func (c *counters) Allow(ctx context.Context, k fault.Key, limit int, within time.Duration) (bool, error) {
	if limit <= 0 {
		return false, nil
	}
	done, err := c.all(ctx,
		statement{`INSERT INTO mailrig.counts (run, rule, subject) VALUES ($1, $2, $3)
			ON CONFLICT (run, rule, subject) DO UPDATE SET used = clock_timestamp()`, c.args(k)},
		statement{`WITH room AS (
				SELECT id, allowed + 1 AS next FROM mailrig.counts c
				WHERE run = $1 AND rule = $2 AND subject = $3 AND NOT EXISTS (
					SELECT FROM mailrig.moments m
					WHERE m.id = c.id AND m.number = c.allowed + 1 - $4::bigint AND m.at >= clock_timestamp() - make_interval(secs => $5))),
			past AS (DELETE FROM mailrig.moments m USING room WHERE m.id = room.id AND m.number <= room.next - $4::bigint),
			now AS (INSERT INTO mailrig.moments SELECT id, next, clock_timestamp() FROM room)
			UPDATE mailrig.counts c SET allowed = room.next FROM room WHERE c.id = room.id`, c.args(k, limit, within.Seconds())})
	if err != nil || done.RowsAffected() == 0 {
		return false, err
	}
	c.grown(ctx, k, 1)
	return true, nil
}
