package active

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/state"
	"github.com/mailrig/mailrig/scenarios"
)

// each runs a test with each implementation.
func each(t *testing.T, test func(*testing.T, Scenarios)) {
	t.Run("Memory", func(t *testing.T) {
		t.Parallel()
		test(t, NewMemory(slog.New(slog.DiscardHandler), 1))
	})
	t.Run("Kept", func(t *testing.T) {
		t.Parallel()
		test(t, opened(t, state.NewMemory(nil)))
	})
}

// opened returns what is active according to records.
func opened(t *testing.T, st state.Store, changes ...func(*KeptConfig)) *Kept {
	t.Helper()
	cfg := KeptConfig{State: st, Log: slog.New(slog.DiscardHandler), Seed: 1, Find: scenarios.Find, Parse: scenarios.Parse}
	for _, change := range changes {
		change(&cfg)
	}
	k, err := NewKept(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

func found(t *testing.T, name string) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// show lists everything that is active.
func show(t *testing.T, k *Kept) string {
	t.Helper()
	ctx := t.Context()
	var out strings.Builder
	for _, user := range []string{"", "alice@x", "bob@x"} {
		list, err := k.List(ctx)
		if user != "" {
			list, err = k.ListFor(ctx, user)
		}
		names, left, nextErr := k.Next(ctx, user)
		if err := errors.Join(err, nextErr); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%q:", user)
		for _, s := range list {
			fmt.Fprintf(&out, " %s (%d rules, %d bytes)", s.Name, len(s.Rules), len(s.Text()))
		}
		fmt.Fprintf(&out, ", next %d %v\n", left, names)
	}
	return out.String()
}

// shows waits until an implementation shows this.
func shows(t *testing.T, k *Kept, want string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for show(t, k) != want {
		if time.Now().After(deadline) {
			t.Fatalf("it shows\n%swant\n%s", show(t, k), want)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestKept checks that two processes with the same records agree about all that is active, and a later one too.
func TestKept(t *testing.T) {
	t.Parallel()
	ctx, st := t.Context(), state.NewMemory(nil)
	var switched atomic.Int64
	a := opened(t, st)
	b := opened(t, st, func(c *KeptConfig) { c.OnSwitch = func() { switched.Add(1) } })
	own := one(t, "own")
	for i, err := range []error{
		a.Use(ctx, append(slices.Clone(own), found(t, "greeting-busy"))),
		a.UseFor(ctx, "Alice@x", own),
		a.UseFor(ctx, "bob@x", own),
		a.UseNext(ctx, "", 3, []*scenarios.Scenario{found(t, "reset-at-once")}),
		a.UseNext(ctx, "alice@x", 7, own),
		a.UseFor(ctx, "bob@x", nil),
	} {
		if err != nil {
			t.Fatal(i, err)
		}
	}
	if p, err := a.TakeFor(ctx, "ALICE@x"); err != nil || p == nil {
		t.Fatalf("%v, %v", p, err)
	}
	want := show(t, a)
	if !strings.Contains(want, "greeting-busy") || !strings.Contains(want, "next 6 [own]") || !strings.Contains(want, `"bob@x":, next 0`) {
		t.Fatalf("active is\n%s", want)
	}
	shows(t, b, want)
	if switched.Load() == 0 {
		t.Error("nobody is told that another process has switched")
	}
	if got := show(t, opened(t, st)); got != want {
		t.Errorf("later, active is\n%swant\n%s", got, want)
	}
	// The counters of the other one begin anew too, and it remembers what has acted.
	plan, _ := b.Plan(ctx)
	if !acts(plan) || acts(plan) {
		t.Fatal("it acts otherwise than once")
	}
	if err := a.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		if now, _ := b.Plan(ctx); now != plan {
			if idle := now.Idle("own"); len(idle) > 0 || !acts(now) {
				t.Errorf("after a restart, %v haven't acted", idle)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a restart isn't followed")
		}
		time.Sleep(time.Millisecond)
	}
	if err := b.Use(ctx, nil); err != nil {
		t.Fatal(err)
	}
	shows(t, a, show(t, b))
}

// TestNextOfAll checks that scenarios for the next connections act on exactly so many, of all processes together.
func TestNextOfAll(t *testing.T) {
	t.Parallel()
	ctx, st := t.Context(), state.NewMemory(nil)
	rigs := []*Kept{opened(t, st), opened(t, st), opened(t, st)}
	if err := rigs[0].UseNext(ctx, "", 20, one(t, "coming")); err != nil {
		t.Fatal(err)
	}
	for _, k := range rigs {
		shows(t, k, show(t, rigs[0]))
	}
	var taken atomic.Int64
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			p, err := rigs[i%len(rigs)].Take(ctx, smtpCaller)
			if err != nil {
				t.Error(err)
			}
			if p != nil {
				taken.Add(1)
			}
		})
	}
	wg.Wait()
	if n := taken.Load(); n != 20 {
		t.Errorf("%d connections, want 20", n)
	}
	if n, _, _ := st.Count(ctx, kindNext); n != 0 {
		t.Errorf("%d records are left", n)
	}
}

// TestLost checks that a scenario which isn't known any more is told of, and takes nothing else with it.
func TestLost(t *testing.T) {
	t.Parallel()
	ctx, st := t.Context(), state.NewMemory(nil)
	if err := opened(t, st).Use(ctx, []*scenarios.Scenario{found(t, "greylisting"), found(t, "reset-at-once")}); err != nil {
		t.Fatal(err)
	}
	k := opened(t, st, func(c *KeptConfig) {
		c.Find = func(name string) (*scenarios.Scenario, error) {
			if name == "greylisting" {
				return nil, errors.New("not in this version")
			}
			return scenarios.Find(name)
		}
	})
	lost := k.Lost()
	if p, _ := k.Plan(ctx); fmt.Sprint(p.Scenarios()) != "[reset-at-once]" || len(lost) != 1 || !strings.Contains(lost[0].Error(), "for everybody: greylisting: not in this version") {
		t.Errorf("active are %v, lost %v", p.Scenarios(), lost)
	}
	if err := k.Use(ctx, nil); err != nil || len(k.Lost()) > 0 {
		t.Errorf("after a switch: %v, lost %v", err, k.Lost())
	}
	if err := k.Use(ctx, []*scenarios.Scenario{{Name: "made-in-go"}}); err == nil {
		t.Error("a scenario is taken that can't be kept")
	}
}
