package fault

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Counters keep all that rules remember: how often they matched (skip, times,
// match.connection), when a client came (rate-limit), when a delivery was tried first
// (greylist), how many connections a user has (limit-connections). One belongs to one
// Plan, so that a scenario that is activated again begins at zero.
//
// Counters may forget a key that has a subject, if they hold too much; its rule then
// begins anew with that subject. They never forget a key without one, of which there
// are no more than rules, nor a place that is held.
//
// Where counters fail, the rule doesn't act: a client had better meet a correct server
// than one that misbehaves at random. It is logged once for each plan.
type Counters interface {
	// Add counts once more and returns how often that was, this time included.
	Add(ctx context.Context, k Key) (int, error)
	// Allow reports whether fewer than limit moments of the key lie within the time
	// before now. If so, now becomes one of them.
	Allow(ctx context.Context, k Key, limit int, within time.Duration) (bool, error)
	// Age returns how long ago the key was asked for first. known is false if this is
	// the first time.
	Age(ctx context.Context, k Key) (age time.Duration, known bool, err error)
	// Hold takes one of so many places and reports whether one was free.
	Hold(ctx context.Context, k Key, places int) (bool, error)
	// Release gives back a place that was held.
	Release(ctx context.Context, k Key) error
}

// Key says what is counted.
type Key struct {
	Rule    string // scenario and place in it; unique in a plan
	Subject string // client, user or envelope; "" for everything together
}

// at returns where a rule counts for a connection, and under which key. What is counted
// for each connection is the connection's own and ends with it.
func (r *rule) at(c *Conn, per Per) (Counters, Key) {
	if per == PerConnection {
		kept := c.keep()
		if kept.counters == nil {
			kept.counters = NewMemory(maxCounts)
		}
		return kept.counters, Key{Rule: r.id}
	}
	return r.counters, Key{r.id, c.subject(per)}
}

// Counts are the counters of one rule, as a stage of its fault may use them.
type Counts struct {
	c *Conn
	r *rule
}

// Allow reports whether this is within limit moments in the time before now, for each
// of what the rule counts separately. Only those that are within are counted.
func (n Counts) Allow(limit int, within time.Duration) bool {
	counters, key := n.r.at(n.c, n.r.Per)
	ok, err := counters.Allow(n.c.ctx(), key, limit, within)
	return ok || err != nil
}

// Waited reports whether the same was asked so long ago already.
func (n Counts) Waited(per Per, wait time.Duration) bool {
	counters, key := n.r.at(n.c, per)
	age, known, err := counters.Age(n.c.ctx(), key)
	return err != nil || known && age >= wait
}

// Hold takes one of so many places of the subject for as long as the connection lasts,
// and reports whether one was free. A connection has one place of a rule at most: it
// gives back the one that it had.
func (n Counts) Hold(subject string, places int) bool {
	n.c.release(n.r)
	key := Key{n.r.id, subject}
	ok, err := n.r.counters.Hold(n.c.ctx(), key, places)
	if err != nil {
		return true
	}
	if ok {
		n.c.keep().held[n.r] = key
	}
	return ok
}

// release gives back the place that a rule holds for the connection, if there is one.
func (c *Conn) release(r *rule) {
	if c.kept == nil {
		return
	}
	if key, ok := c.kept.held[r]; ok {
		delete(c.kept.held, r)
		// The connection's own context may have ended. An error is logged; there is nobody to tell.
		_ = r.counters.Release(context.WithoutCancel(c.ctx()), key)
	}
}

// Once is something that is done once for each subject of a rule.
type Once struct {
	n       Counts
	subject string
}

// Once makes one.
func (n Counts) Once(subject string) *Once { return &Once{n, subject} }

// Do does it, if it hasn't been done. Whoever asks while it is being done waits.
func (o *Once) Do(do func()) {
	r := o.n.r
	r.doing <- struct{}{}
	defer func() { <-r.doing }()
	if n, err := r.counters.Add(o.n.c.ctx(), Key{r.id, o.subject}); err == nil && n == 1 {
		do()
	}
}

// patience bounds how long counters that aren't in memory may keep a connection waiting.
const patience = 2 * time.Second

// guard bounds the time of counters that somebody else has made, and logs the first
// failure.
type guard struct {
	Counters
	log  *slog.Logger
	once sync.Once
}

func ask[T any](ctx context.Context, g *guard, do func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := do(ctx)
	if err != nil {
		g.once.Do(func() {
			g.log.Error("the counters of the active scenarios fail; rules that count do nothing until they are back", "error", err)
		})
	}
	return answer, err
}

// Add implements Counters.
func (g *guard) Add(ctx context.Context, k Key) (int, error) {
	return ask(ctx, g, func(ctx context.Context) (int, error) { return g.Counters.Add(ctx, k) })
}

// Allow implements Counters.
func (g *guard) Allow(ctx context.Context, k Key, limit int, within time.Duration) (bool, error) {
	return ask(ctx, g, func(ctx context.Context) (bool, error) { return g.Counters.Allow(ctx, k, limit, within) })
}

// Age implements Counters.
func (g *guard) Age(ctx context.Context, k Key) (age time.Duration, known bool, err error) {
	age, err = ask(ctx, g, func(ctx context.Context) (age time.Duration, err error) {
		age, known, err = g.Counters.Age(ctx, k)
		return age, err
	})
	return age, known, err
}

// Hold implements Counters.
func (g *guard) Hold(ctx context.Context, k Key, places int) (bool, error) {
	return ask(ctx, g, func(ctx context.Context) (bool, error) { return g.Counters.Hold(ctx, k, places) })
}

// Release implements Counters.
func (g *guard) Release(ctx context.Context, k Key) error {
	_, err := ask(ctx, g, func(ctx context.Context) (struct{}, error) { return struct{}{}, g.Counters.Release(ctx, k) })
	return err
}
