package tally

import (
	"fmt"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/fault/faulttest"
	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/postgres"
	"github.com/mailrig/mailrig/internal/testkit/pgserver"
)

var server pgserver.Server

func TestMain(m *testing.M) {
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// opened returns the counters in a database, as several servers see them.
func opened(t testing.TB, url string, servers int) (all []*Tally) {
	t.Helper()
	for range servers {
		db, err := postgres.Open(t.Context(), url, postgres.Options{})
		must(t, err)
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
		tally, err := Open(t.Context(), db, nil)
		must(t, err)
		all = append(all, tally)
	}
	return all
}

func countersOf(all []*Tally, run string, most int) (list []fault.Counters) {
	for _, t := range all {
		list = append(list, t.Counters(run, most))
	}
	return list
}

func TestCounters(t *testing.T) {
	t.Parallel()
	all := opened(t, server.Database(t), 2)
	faulttest.Run(t, func(t testing.TB, most int) []fault.Counters { return countersOf(all, t.Name(), most) })
}

// TestPooler runs the suite through a pooler, where the statements of one server come to the sessions of others.
func TestPooler(t *testing.T) {
	t.Parallel()
	all := opened(t, server.Pooler(t, server.Database(t)), 2)
	faulttest.Run(t, func(t testing.TB, most int) []fault.Counters { return countersOf(all, t.Name(), most) })
}

// TestRulesOfAll checks that rules of a plan act as often as they say, over all servers.
func TestRulesOfAll(t *testing.T) {
	t.Parallel()
	all := opened(t, server.Database(t), 2)
	rcpt, localhost := fault.Match{Command: []string{"RCPT"}}, netip.MustParseAddr("::1")
	texts := fault.Texts{"smtp": "451 x"}
	plans := func(run string, rules ...fault.Rule) (list []*fault.Plan) {
		for _, c := range countersOf(all, run, fault.MaxCounts) {
			list = append(list, fault.Compile([]string{"s"}, rules, fault.WithCounters(c)))
		}
		return list
	}
	// refused counts the RCPTs that are refused of 30 connections, with one each, at the two servers in turn.
	refused := func(list []*fault.Plan) int64 {
		var no atomic.Int64
		var group sync.WaitGroup
		for i := range 30 {
			group.Go(func() {
				c := list[i%len(list)].Conn(25, "smtp", localhost)
				if c == nil {
					return // a rule that can't act on this connection
				}
				defer c.Close()
				c.Sender, c.Recipient, c.Event.Command = "a@x", "b@x", "RCPT"
				if c.Command().Reply != "" {
					no.Add(1)
				}
			})
		}
		group.Wait()
		return no.Load()
	}
	for name, step := range map[string]struct {
		rule fault.Rule
		want int64
	}{
		"times":      {fault.Rule{Match: rcpt, Times: 5, Fault: &fault.Reply{Texts: texts}}, 5},
		"skip":       {fault.Rule{Match: rcpt, Skip: 7, Times: 4, Fault: &fault.Reply{Texts: texts}}, 4},
		"client":     {fault.Rule{Match: rcpt, Per: fault.PerClient, Times: 6, Fault: &fault.Reply{Texts: texts}}, 6},
		"connection": {fault.Rule{Match: fault.Match{Command: []string{"RCPT"}, Connection: []int{2, 9}}, Fault: &fault.Reply{Texts: texts}}, 2},
		"rate-limit": {fault.Rule{Match: rcpt, Fault: &fault.RateLimit{Max: 8, Within: time.Hour, Texts: texts}}, 22},
		"greylist":   {fault.Rule{Fault: &fault.Greylist{Wait: time.Hour, SMTP: "451 x"}}, 30},
	} {
		t.Run(name, func(t *testing.T) {
			if n := refused(plans(name, step.rule)); n != step.want {
				t.Errorf("%d are refused, want %d", n, step.want)
			}
			if n := refused(plans(name+" again", step.rule)); n != step.want {
				t.Errorf("when it is activated again, %d are refused, want %d", n, step.want)
			}
		})
	}

	list := plans("greylist at once", fault.Rule{Fault: &fault.Greylist{SMTP: "451 x"}})
	if n := refused(list); n != 1 {
		t.Errorf("greylist: %d of the first are refused, want 1", n)
	}
	if n := refused(list); n != 0 {
		t.Errorf("greylist: %d are refused that were seen before", n)
	}

	list = plans("limit", fault.Rule{Fault: &fault.LimitConnections{Max: 3, Texts: texts}})
	login := func(i int) (*fault.Conn, bool) {
		c := list[i%2].Conn(25, "smtp", localhost)
		return c, c.Admit(identity.Attempt{User: "alice"}) == nil
	}
	var in []*fault.Conn
	for i := range 10 {
		if c, ok := login(i); ok {
			in = append(in, c)
		}
	}
	if len(in) != 3 {
		t.Fatalf("%d connections are in, want 3", len(in))
	}
	in[0].Close()
	if _, ok := login(0); !ok {
		t.Error("one that ended makes no room")
	}
	if _, ok := login(1); ok {
		t.Error("one that ended makes room for two")
	}
}

// TestDead checks that the places of a replica that has died are free, and that they count again if it only seemed so.
func TestDead(t *testing.T) {
	t.Parallel()
	all := opened(t, server.Database(t), 1)
	c, k, ctx := all[0].Counters("run", 100), fault.Key{Rule: "s/0", Subject: "alice"}, t.Context()
	exec := func(query string, args ...any) {
		t.Helper()
		_, err := all[0].db.Pool().Exec(ctx, query, args...)
		must(t, err)
	}
	exec("INSERT INTO mailrig.replicas VALUES ('other', 'other', now(), now())")
	exec("INSERT INTO mailrig.places VALUES ('run', $1, $2, 'other', 2)", k.Rule, []byte(k.Subject))
	holds := func(want bool) {
		t.Helper()
		if ok, err := c.Hold(ctx, k, 2); err != nil || ok != want {
			t.Fatalf("%v, %v, want %v", ok, err, want)
		}
	}
	holds(false)
	exec("UPDATE mailrig.replicas SET seen = now() - make_interval(secs => $1) WHERE id = 'other'", postgres.DeadAfter.Seconds()+1)
	holds(true)
	exec("UPDATE mailrig.replicas SET seen = now() WHERE id = 'other'")
	must(t, c.Release(ctx, k))
	holds(false)
	exec("DELETE FROM mailrig.replicas WHERE id = 'other'") // it has closed
	must(t, all[0].Keep(ctx, nil))
	var left int
	must(t, all[0].db.Pool().QueryRow(ctx, "SELECT count(*) FROM mailrig.places").Scan(&left))
	if left != 0 {
		t.Errorf("%d places are left of a replica that has ended", left)
	}
	holds(true)
}

// TestKeep checks that what was counted before a switch goes, some time later, and that what is active stays.
func TestKeep(t *testing.T) {
	t.Parallel()
	all, ctx := opened(t, server.Database(t), 1), t.Context()
	k := fault.Key{Rule: "s/0"}
	runs := []string{"active", "ended"}
	for _, run := range runs {
		c := all[0].Counters(run, 100)
		_, err := c.Add(ctx, k)
		must(t, err)
		_, err = c.Allow(ctx, k, 5, time.Hour)
		must(t, err)
	}
	counts := func() string {
		var list []int
		for _, run := range runs {
			n, err := all[0].Counters(run, 100).Count(ctx, k)
			must(t, err)
			list = append(list, n)
		}
		var moments int
		must(t, all[0].db.Pool().QueryRow(ctx, "SELECT count(*) FROM mailrig.moments").Scan(&moments))
		return fmt.Sprint(list, moments)
	}
	must(t, all[0].keep(ctx, runs[:1], time.Hour))
	if got := counts(); got != "[1 1] 2" {
		t.Errorf("within an hour: %s", got)
	}
	must(t, all[0].keep(ctx, runs[:1], 0))
	if got := counts(); got != "[1 0] 1" {
		t.Errorf("later: %s", got)
	}
}

// TestAway checks that counters fail while the database is away, and go on as before when it is back.
func TestAway(t *testing.T) {
	t.Parallel()
	var server pgserver.Server
	url := server.Database(t)
	t.Cleanup(server.Stop)
	db, err := postgres.Open(t.Context(), url, postgres.Options{})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	tally, err := Open(t.Context(), db, nil)
	must(t, err)
	c, k, ctx := tally.Counters("run", 100), fault.Key{Rule: "s/0", Subject: "alice"}, t.Context()
	_, err = c.Add(ctx, k)
	must(t, err)
	server.Crash(t)
	if n, err := c.Add(ctx, k); err == nil {
		t.Errorf("without a database, the count is %d", n)
	}
	if ok, err := c.Allow(ctx, k, 1, time.Hour); err == nil || ok {
		t.Errorf("without a database: %v, %v", ok, err)
	}
	if ok, err := c.Hold(ctx, k, 1); err == nil || ok {
		t.Errorf("without a database: %v, %v", ok, err)
	}
	server.Start(t)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		n, err := c.Add(ctx, k)
		if err == nil {
			if n != 2 {
				t.Errorf("when it is back, the count is %d, want 2", n)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
