package active

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/state"
)

// counting is Counting for several processes that are one.
type counting struct {
	mu   sync.Mutex
	runs map[string]*shared
	kept [][]string
}

// shared are foreign counters, which a plan doesn't know to be in memory.
type shared struct{ *fault.Memory }

func (c *counting) Counters(run string, most int) fault.Counters {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.runs == nil {
		c.runs = map[string]*shared{}
	}
	if c.runs[run] == nil {
		c.runs[run] = &shared{fault.NewMemory(most)}
	}
	return c.runs[run]
}

func (c *counting) Keep(_ context.Context, active []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = append(c.kept, active)
	return nil
}

// TestCountTogether checks that several processes count together from each activation on, wherever it was made.
func TestCountTogether(t *testing.T) {
	t.Parallel()
	ctx, st, counts := t.Context(), state.NewMemory(nil), &counting{}
	together := func(c *KeptConfig) { c.Counting = counts }
	rigs := []*Kept{opened(t, st, together), opened(t, st, together)}
	own := one(t, "own")
	everybodys := func(k *Kept) *fault.Plan { p, _ := k.Plan(ctx); return p }
	alices := func(k *Kept) *fault.Plan { p, _ := k.Own(ctx, "alice@x"); return p }
	coming := func(k *Kept) *fault.Plan { p, _ := k.TakeFor(ctx, "bob@x"); return p }
	for i, step := range []struct {
		what string
		do   func(*Kept) error
		plan func(*Kept) *fault.Plan
	}{
		{"Use", func(k *Kept) error { return k.Use(ctx, own) }, everybodys},
		{"Use of the same", func(k *Kept) error { return k.Use(ctx, own) }, everybodys},
		{"Restart", func(k *Kept) error { return k.Restart(ctx) }, everybodys},
		{"UseFor", func(k *Kept) error { return k.UseFor(ctx, "alice@x", own) }, alices},
		{"RestartFor", func(k *Kept) error { return k.RestartFor(ctx, "alice@x") }, alices},
		{"Restart of all", func(k *Kept) error { return k.Restart(ctx) }, alices},
		{"UseNext", func(k *Kept) error { return k.UseNext(ctx, "bob@x", 100, own) }, coming},
		{"UseNext of the same", func(k *Kept) error { return k.UseNext(ctx, "bob@x", 100, own) }, coming},
	} {
		k := rigs[i%2]
		if err := step.do(k); err != nil {
			t.Fatal(step.what, err)
		}
		sameRuns(t, rigs)
		acted := 0
		for range 3 {
			for _, k := range rigs {
				if p := step.plan(k); p != nil && acts(p) {
					acted++
				}
			}
		}
		if acted != 1 {
			t.Errorf("%s: a rule with times: 1 acts %d times", step.what, acted)
		}
	}
	acts(everybodys(rigs[0])) // once since the last restart, if it hasn't
	if late := opened(t, st, together); acts(everybodys(late)) || acts(alices(late)) || acts(coming(late)) {
		t.Error("what has acted acts again at a process that comes later")
	}
}

// sameRuns waits until two processes know the same activations.
func sameRuns(t *testing.T, rigs []*Kept) {
	t.Helper()
	runs := func(k *Kept) []string { return slices.Sorted(slices.Values(k.runs())) }
	for deadline := time.Now().Add(20 * time.Second); !slices.Equal(runs(rigs[0]), runs(rigs[1])); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the activations are %v and %v", runs(rigs[0]), runs(rigs[1]))
		}
	}
}

// TestKeepCounts checks that at the start, and each hour, it is told whose counts stay.
func TestKeepCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, counts := state.NewMemory(nil), &counting{}
		k := opened(t, st, func(c *KeptConfig) { c.Counting = counts })
		if err := k.UseFor(t.Context(), "alice@x", one(t, "own")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2*keepEvery + time.Second)
		counts.mu.Lock()
		if n := len(counts.kept); n != 3 || !slices.Equal(counts.kept[n-1], k.runs()) || len(k.runs()) != 1 {
			t.Errorf("it is told %v, active are %v", counts.kept, k.runs())
		}
		counts.mu.Unlock()
		k.Close()
	})
}

// hung is a store that doesn't answer.
type hung struct{ state.Store }

func (h *hung) Apply(ctx context.Context, _ ...state.Change) (state.Version, error) {
	<-ctx.Done()
	return 0, context.Cause(ctx)
}

// TestHungRecords checks that connections don't wait one after the other for records that don't answer.
func TestHungRecords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := &hung{state.NewMemory(nil)}
		k := opened(t, st)
		k.turn.take()
		err := k.set(kindNext, everybody, seenRecord{version: 1, list: one(t, "coming"), left: 100})
		k.turn.pass()
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() {
				if p, err := k.Take(t.Context(), smtpCaller); p != nil || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v, %v", p, err)
				}
			})
		}
		group.Wait()
		if took := time.Since(began); took > patience {
			t.Errorf("they waited %v", took)
		}
		k.Close()
	})
}
