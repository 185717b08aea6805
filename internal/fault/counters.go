package fault

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Counters keep everything that rules remember: how often they matched (skip, times, match.connection), when a client
// came (rate-limit), when a delivery was first tried (greylist), how many connections a user has (limit-connections).
// Each activation has Counters of its own, so a scenario that is activated again begins at zero. Memory counts in this
// process; package tally counts for all that share a database. Package faulttest has what each must pass.
//
// Counters that hold too much may forget a key that has a subject. The rule then begins anew with that subject. They
// never forget a key without a subject (there are no more of these than rules), nor a place that is held.
//
// If counters fail, the rule doesn't act: a correct server is better for a client than one that misbehaves at random.
// The failure is logged once for each plan.
type Counters interface {
	// Add counts once more and returns the new count.
	Add(ctx context.Context, k Key) (int, error)
	// Count returns the present count.
	Count(ctx context.Context, k Key) (int, error)
	// Allow reports whether the key has fewer than limit moments within the time before now. If so, it adds now to
	// them.
	Allow(ctx context.Context, k Key, limit int, within time.Duration) (bool, error)
	// Age returns how long ago the key was first asked for. known is false if this is the first time.
	Age(ctx context.Context, k Key) (age time.Duration, known bool, err error)
	// Hold takes one of a number of places and reports whether one was free.
	Hold(ctx context.Context, k Key, places int) (bool, error)
	// Release frees a place that was held.
	Release(ctx context.Context, k Key) error
}

// Key says what is counted.
type Key struct {
	Rule    string // scenario and index in it; unique in a plan
	Subject string // client, user or envelope; "" for all together
}

// at returns the counters and the key with which a rule counts for a connection. What is counted per connection belongs
// to the connection and ends with it.
func (r *rule) at(c *Conn, per Per) (Counters, Key) {
	if per == PerConnection {
		kept := c.keep()
		if kept.counters == nil {
			kept.counters = NewMemory(MaxCounts)
		}
		return kept.counters, Key{Rule: r.id}
	}
	return r.counters, Key{r.id, c.subject(per)}
}

// Counts are one rule's counters, as a stage of its fault may use them.
type Counts struct {
	c *Conn
	r *rule
}

// Allow reports whether this is one of the limit moments allowed in the time before now, for each subject of the rule.
// Only allowed moments are counted. If the counters fail, it reports true.
func (n Counts) Allow(limit int, within time.Duration) bool {
	counters, key := n.r.at(n.c, n.r.Per)
	ok, err := counters.Allow(n.c.ctx(), key, limit, within)
	return ok || err != nil
}

// Waited reports whether the same was first asked at least wait ago. If the counters fail, it reports true.
func (n Counts) Waited(per Per, wait time.Duration) bool {
	counters, key := n.r.at(n.c, per)
	age, known, err := counters.Age(n.c.ctx(), key)
	return err != nil || known && age >= wait
}

// Hold takes one of the subject's places for as long as the connection lasts. It reports whether one was free. A
// connection has at most one place of a rule: Hold first releases the previous one. If the counters fail, Hold reports
// true.
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

// release frees the place that a rule holds for the connection, if any.
func (c *Conn) release(r *rule) {
	if c.kept == nil {
		return
	}
	if key, ok := c.kept.held[r]; ok {
		delete(c.kept.held, r)
		// The connection's own context may have ended. Errors are logged; nobody else is interested.
		_ = r.counters.Release(context.WithoutCancel(c.ctx()), key)
	}
}

// Once does something once for each subject of a rule.
type Once struct {
	n       Counts
	subject string
}

// Once returns a Once for this subject.
func (n Counts) Once(subject string) *Once { return &Once{n, subject} }

// Do calls do if it hasn't been called for this subject. Other callers wait until it returns.
func (o *Once) Do(do func()) {
	r := o.n.r
	r.doing <- struct{}{}
	defer func() { <-r.doing }()
	if n, err := r.counters.Add(o.n.c.ctx(), Key{r.id, o.subject}); err == nil && n == 1 {
		do()
	}
}

// patience is how long counters that aren't in memory may keep a connection waiting.
const patience = 2 * time.Second

// guard limits the time of foreign counters, and logs their first failure.
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

// Count implements Counters.
func (g *guard) Count(ctx context.Context, k Key) (int, error) {
	return ask(ctx, g, func(ctx context.Context) (int, error) { return g.Counters.Count(ctx, k) })
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
