package fault

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailrig/mailrig/internal/identity"
)

var rcpt = Match{Command: []string{"RCPT"}}

// refused counts how many of n RCPTs are refused.
func refused(c *Conn, n int) (no int) {
	for range n {
		c.Event.Command = "RCPT"
		if c.Command().Reply != "" {
			no++
		}
	}
	return no
}

// TestRateLimitPerConnectionEndsWithIt checks that a new connection has no past, even if it gets the memory of one that
// has ended.
func TestRateLimitPerConnectionEndsWithIt(t *testing.T) {
	t.Parallel()
	p := plan(Rule{Match: rcpt, Per: PerConnection, Fault: &RateLimit{Max: 1, Within: time.Hour, Texts: Texts{"smtp": "450 x"}}})
	for i := range 3000 {
		c := p.Conn(25, "smtp", localhost)
		if no := refused(c, 1); no != 0 {
			t.Fatalf("connection %d is refused at its first command", i)
		}
		if no := refused(c, 2); no != 2 {
			t.Fatalf("connection %d has %d of 2 further commands refused", i, no)
		}
		c.Close()
		if i%100 == 0 {
			runtime.GC() // so that the memory is reused
		}
	}
	if n := p.rules[0].counters.(*Memory).Len(); n != 0 {
		t.Errorf("%d counts are left of connections that have ended", n)
	}
}

func TestRateLimitSlides(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := plan(Rule{Match: rcpt, Per: PerClient, Fault: &RateLimit{Max: 2, Within: time.Minute, Texts: Texts{"smtp": "450 x"}}}).Conn(25, "smtp", localhost)
		for i, step := range []struct {
			after time.Duration
			no    int // of one command
		}{{0, 0}, {30 * time.Second, 0}, {0, 1}, {29 * time.Second, 1}, {2 * time.Second, 0}, {0, 1}, {30 * time.Second, 0}} {
			time.Sleep(step.after)
			if no := refused(c, 1); no != step.no {
				t.Errorf("step %d: %d refused, want %d", i, no, step.no)
			}
		}
	})
}

func TestGreylistRemembers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := plan(Rule{Fault: &Greylist{Wait: 5 * time.Second, SMTP: "451 x"}}).Conn(25, "smtp", localhost)
		c.Sender, c.Recipient = "a@x", "b@x"
		for i, step := range []struct {
			after time.Duration
			no    int
		}{{0, 1}, {4 * time.Second, 1}, {time.Second, 0}, {time.Hour, 0}} {
			time.Sleep(step.after)
			if no := refused(c, 1); no != step.no {
				t.Errorf("step %d: %d refused, want %d", i, no, step.no)
			}
		}
		c.Recipient = "other@x"
		if refused(c, 1) != 1 {
			t.Error("another recipient is known already")
		}
	})
}

// TestCountsAreBounded checks that whatever counts envelopes stays within the limit.
func TestCountsAreBounded(t *testing.T) {
	t.Parallel()
	const most = 1000
	for name, rule := range map[string]Rule{
		"times":      {Match: rcpt, Times: 1, Per: PerEnvelope, Fault: &Reply{Texts: Texts{"smtp": "451 x"}}},
		"rate-limit": {Match: rcpt, Per: PerEnvelope, Fault: &RateLimit{Max: 5, Within: time.Hour, Texts: Texts{"smtp": "450 x"}}},
		"greylist":   {Fault: &Greylist{Wait: time.Hour, SMTP: "451 x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := NewMemory(most)
			c := Compile(nil, []Rule{rule}, WithCounters(m)).Conn(25, "smtp", localhost)
			c.Sender = strings.Repeat("a", 200) + "@x"
			for i := range 10 * most {
				c.Recipient = fmt.Sprint(i)
				refused(c, 1)
			}
			if n := m.Len(); n > most || n < most/2 {
				t.Errorf("%d counts are held, the bound is %d", n, most)
			}
		})
	}
}

// TestAMillionKeys checks that a million keys stay within a plan's limit.
func TestAMillionKeys(t *testing.T) {
	t.Parallel()
	m, ok := plan(Rule{Fault: &DelayReply{1}}).rules[0].counters.(*Memory)
	if !ok {
		t.Fatal("a plan counts elsewhere than in memory")
	}
	for i := range 1_000_000 {
		if _, err := m.Add(t.Context(), Key{"r", strconv.Itoa(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := m.Len(); n != MaxCounts || len(m.parts) != MaxCounts || m.recency.Len() != MaxCounts {
		t.Errorf("%d counts are held, the bound is %d", n, MaxCounts)
	}
}

// TestWhatIsForgotten checks that the least recently used key is forgotten first, and that keys without a subject and
// held places are never forgotten.
func TestWhatIsForgotten(t *testing.T) {
	t.Parallel()
	m, ctx := NewMemory(3), t.Context()
	add := func(k Key) int { n, _ := m.Add(ctx, k); return n }
	add(Key{Rule: "whole"})
	if ok, _ := m.Hold(ctx, Key{"r", "place"}, 1); !ok {
		t.Fatal("no place")
	}
	for _, s := range []string{"a", "b", "c", "a", "d"} {
		add(Key{"r", s})
	}
	if got := [...]int{add(Key{"r", "a"}), add(Key{"r", "c"}), add(Key{"r", "d"}), add(Key{Rule: "whole"})}; got != [...]int{3, 2, 2, 2} {
		t.Errorf("counts of a, c, d and the whole rule are %v", got)
	}
	if n := add(Key{"r", "b"}); n != 1 {
		t.Errorf("b was asked for longest ago, and its count is %d", n)
	}
	if ok, _ := m.Hold(ctx, Key{"r", "place"}, 1); ok {
		t.Error("a place that is held was forgotten")
	}
	for range 3 { // moments count as well
		if ok, _ := m.Allow(ctx, Key{"r", "rate"}, 3, time.Hour); !ok {
			t.Error("refused within the limit")
		}
	}
	if ok, _ := m.Allow(ctx, Key{"r", "rate"}, 3, time.Hour); ok {
		t.Error("the key in use was forgotten itself")
	}
	if n := m.weight; n != 4 {
		t.Errorf("weight %d, want the one key in use with its three moments", n)
	}
}

// broken are foreign counters that can't be reached.
type broken struct{ asked int }

var errAway = errors.New("nobody answers")

func (b *broken) Add(ctx context.Context, _ Key) (int, error)   { return 1, b.err(ctx) }
func (b *broken) Count(ctx context.Context, _ Key) (int, error) { return 1, b.err(ctx) }
func (b *broken) Allow(ctx context.Context, _ Key, _ int, _ time.Duration) (bool, error) {
	return false, b.err(ctx)
}
func (b *broken) Age(ctx context.Context, _ Key) (time.Duration, bool, error) {
	return 0, false, b.err(ctx)
}
func (b *broken) Hold(ctx context.Context, _ Key, _ int) (bool, error) { return false, b.err(ctx) }
func (b *broken) Release(ctx context.Context, _ Key) error             { return b.err(ctx) }

// err waits for as long as it may.
func (b *broken) err(ctx context.Context) error {
	b.asked++
	<-ctx.Done()
	return errAway
}

// TestCountersThatFail checks that without counters, rules that count don't act and others do. The failure is logged
// once.
func TestCountersThatFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		b := new(broken)
		p := Compile([]string{"test"}, []Rule{
			{Match: rcpt, Times: 1, Fault: &Reply{Texts: Texts{"smtp": "451 times"}}},
			{Match: rcpt, Fault: &RateLimit{Max: 1, Within: time.Hour, Texts: Texts{"smtp": "450 rate"}}},
			{Match: Match{Connection: []int{1}, Command: []string{"RCPT"}}, Fault: &Reply{Texts: Texts{"smtp": "451 connection"}}},
			{Fault: &Greylist{Wait: time.Hour, SMTP: "451 greylist"}},
			{Match: rcpt, Per: PerUser, After: Moment{Command: []string{"NOOP"}}, Fault: &Reply{Texts: Texts{"smtp": "451 after"}}},
			{Match: rcpt, Per: PerUser, Until: Moment{Time: time.Hour}, Fault: &Reply{Texts: Texts{"smtp": "451 until"}}},
			{Match: rcpt, Chance: 100, Fault: &Reply{Texts: Texts{"smtp": "451 chance"}}},
			{Fault: &LimitConnections{Max: 0, Texts: Texts{"smtp": "421 limit"}}},
			{Fault: &Fill{Messages: 1}},
			{Match: Match{Command: []string{"DATA"}}, Fault: &Reply{Texts: Texts{"smtp": "451 uncounted"}}},
		}, WithCounters(b), WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		c := p.Conn(25, "smtp", netip.MustParseAddr("::1"))
		if no := refused(c, 1); no != 0 {
			t.Error("a rule acts that can't count")
		}
		if no := c.Admit(identity.Attempt{User: "alice"}); no != nil {
			t.Errorf("a login is refused by a limit that nobody knows to be reached: %v", no)
		}
		if f, ok := c.Fill(); ok {
			f.Once.Do(func() { t.Error("something is done once, and nobody knows if it was done") })
		}
		c.Event.Command = "DATA"
		if c.Command().Reply == "" {
			t.Error("a rule that doesn't count does nothing either")
		}
		c.Close()
		if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), errAway.Error()) || b.asked < 5 {
			t.Errorf("asked %d times, logged %d lines: %s", b.asked, n, &log)
		}
	})
}

// TestOnce checks that something is done once for each user, and that other callers wait for it.
func TestOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := plan(Rule{Fault: &Fill{Messages: 1}})
		var mu sync.Mutex
		var wg sync.WaitGroup
		done := map[string]int{}
		for _, user := range []string{"alice", "Alice", "bob"} {
			wg.Go(func() {
				c := p.Conn(143, "imap", localhost)
				c.User = user
				f, _ := c.Fill()
				f.Once.Do(func() {
					time.Sleep(time.Second)
					mu.Lock()
					defer mu.Unlock()
					done[strings.ToLower(user)]++
				})
				mu.Lock()
				defer mu.Unlock()
				if done[strings.ToLower(user)] != 1 {
					t.Errorf("%s goes on while it isn't done: %v", user, done)
				}
			})
		}
		wg.Wait()
		if len(done) != 2 {
			t.Errorf("done for %v", done)
		}
	})
}

// TestActs checks that every act is reported once, with the index of its rule.
func TestActs(t *testing.T) {
	t.Parallel()
	p := plan(
		Rule{Scenario: "a", Match: rcpt, Times: 1, Fault: &Reply{Texts: Texts{"smtp": "451 x"}}},
		Rule{Scenario: "b", Fault: &SizeLimit{Bytes: 10}},
		Rule{Scenario: "a", Match: rcpt, Fault: &DelayReply{time.Second}},
		Rule{Scenario: "b", Fault: &DelayGreeting{time.Second}},
	)
	var got []Act
	c := p.Shared(25, "smtp", localhost, Users{Acted: func(a Act) { got = append(got, a) }})
	c.Greeting()
	c.Limits()
	refused(c, 2)
	want := []Act{{"b", 1, "delay-greeting", ""}, {"a", 1, "delay-reply", "RCPT"}, {"a", 0, "reply", "RCPT"}, {"a", 1, "delay-reply", "RCPT"}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
