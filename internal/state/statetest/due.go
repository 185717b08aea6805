package statetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/state"
)

// The suite's times. A store whose clock can't be moved waits for some of them.
const (
	soon  = 2 * time.Second
	lease = 2 * time.Second
	never = 24 * time.Hour
)

// claim checks that only what is due is claimed, in order, once.
func claim(e *env) {
	now := time.Now()
	for key, due := range map[string]time.Time{"c": now.Add(-time.Second), "a": now.Add(-3 * time.Second), "b": now.Add(-2 * time.Second), "later": now.Add(never), "undated": {}} {
		c := state.Put("job", key, []byte("x"))
		if !due.IsZero() {
			c = c.At(due)
		}
		e.apply(c, state.Put("other", key, nil).At(now.Add(-time.Hour)))
	}
	before := e.get("job", "a")
	got, wait, err := e.Claim(e.ctx, "job", 2, never)
	e.must(err)
	if t := texts(got); !slices.Equal(t, []string{"a=x", "b=x"}) || wait != 0 {
		e.Errorf("claimed %q, the next in %v", t, wait)
	}
	if !got[0].Due.Equal(before.Due) || got[0].Version <= before.Version {
		e.Errorf("a claim changed %+v to %+v", before, got[0])
	}
	rest, wait, err := e.other(1).Claim(e.ctx, "job", 10, never)
	e.must(err)
	if t := texts(rest); !slices.Equal(t, []string{"c=x"}) || wait < never-time.Hour || wait > never {
		e.Errorf("claimed %q, the next in %v", t, wait)
	}
	_, err = e.Apply(e.ctx, state.Done(before))
	e.wantErr("remove what was claimed since", err, state.ErrConflict)
	e.apply(state.Done(got[0]), state.Done(rest[0]))
	e.apply(state.Put("job", "b", []byte("again")).At(now.Add(-time.Second))) // it loses its claim
	got, _, err = e.Claim(e.ctx, "job", 10, never)
	e.must(err)
	if t := texts(got); !slices.Equal(t, []string{"b=again"}) {
		e.Errorf("claimed %q", t)
	}
	if _, wait, err := e.Claim(e.ctx, "none", 10, never); err != nil || wait >= 0 {
		e.Errorf("nothing is due in %v, %v", wait, err)
	}
}

// leaseEnds checks that what was claimed and not done can be claimed again, and what isn't due yet when it is.
func leaseEnds(e *env) {
	now := time.Now()
	e.apply(state.Put("job", "x", nil).At(now.Add(-time.Second)), state.Put("job", "y", nil).At(now.Add(soon)))
	first, wait, err := e.Claim(e.ctx, "job", 10, lease)
	e.must(err)
	if len(first) != 1 || wait > max(soon, lease) || wait <= 0 {
		e.Fatalf("claimed %q, the next in %v", texts(first), wait)
	}
	e.pass(max(soon, lease) + 100*time.Millisecond)
	second, _, err := e.other(1).Claim(e.ctx, "job", 10, never)
	e.must(err)
	if t := texts(second); !slices.Equal(t, []string{"x=", "y="}) {
		e.Fatalf("claimed %q", t)
	}
	_, err = e.Apply(e.ctx, state.Done(first[0]))
	e.wantErr("whoever came too late removes it", err, state.ErrConflict)
	e.apply(state.Done(second[0]), state.Done(second[1]))
	e.wantAll("job")
}

// claimOnce checks that of several who claim, each gets others.
func claimOnce(e *env) {
	now := time.Now()
	const jobs = 60
	for i := range jobs {
		e.apply(state.Put("job", fmt.Sprintf("%03d", i), nil).At(now.Add(-time.Second - time.Duration(i)*time.Millisecond)))
	}
	var mu sync.Mutex
	seen := map[string]int{}
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for {
				got, wait, err := e.other(i).Claim(e.ctx, "job", 4, never)
				if err != nil {
					e.Error(err)
					return
				}
				mu.Lock()
				for _, r := range got {
					seen[r.Key]++
				}
				mu.Unlock()
				for _, r := range got {
					if _, err := e.other(i).Apply(e.ctx, state.Done(r)); err != nil {
						e.Errorf("%s: %v", r.Key, err)
					}
				}
				if len(got) == 0 && wait != 0 {
					return
				}
			}
		})
	}
	wg.Wait()
	for key, n := range seen {
		if n != 1 {
			e.Errorf("%s was claimed %d times", key, n)
		}
	}
	if len(seen) != jobs {
		e.Errorf("%d jobs were claimed, want %d", len(seen), jobs)
	}
	e.wantAll("job")
}

func (e *env) watch(kind string, st state.Store) state.Watch {
	e.Helper()
	w, err := st.Watch(e.ctx, kind)
	e.must(err)
	e.Cleanup(w.Close)
	return w
}

// awaits waits for a token.
func (e *env) awaits(what string, w state.Watch) {
	e.Helper()
	ctx, cancel := context.WithTimeout(e.ctx, patience)
	defer cancel()
	select {
	case <-w.Changed():
	case <-ctx.Done():
		e.Fatalf("nobody hears of %s", what)
	}
}

func watch(e *env) {
	var all []state.Watch
	for i := range max(2, len(e.rig.Stores)) {
		all = append(all, e.watch("a", e.other(i)))
	}
	hear := func(what string, changes ...state.Change) {
		e.Helper()
		e.apply(changes...)
		for _, w := range all {
			e.awaits(what, w)
		}
	}
	hear("a new record", state.Put("a", "x", []byte("1")))
	hear("a change", state.Put("b", "y", nil), state.Put("a", "x", []byte("2")))
	hear("a removal", state.Remove("a", "x"))
	e.apply(state.Put("a", "x", nil))
	for _, w := range all {
		e.awaits("a new record", w)
	}
	hear("a clearing", state.Clear("a"))
	all[0].Close()
	all[0].Close()
}

// newsIsNeverLost checks that whoever reads after each token has seen the last change in the end.
func newsIsNeverLost(e *env) {
	w := e.watch("a", e.other(1))
	const last = 40
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 1; i <= last; i++ {
			if _, err := e.Apply(e.ctx, state.Put("a", "n", fmt.Append(nil, i))); err != nil {
				e.Error(err)
			}
		}
	}()
	for seen := ""; seen != fmt.Sprint(last); {
		e.awaits(fmt.Sprintf("what came after %q", seen), w)
		r, err := e.other(1).Get(e.ctx, "a", "n")
		e.must(err)
		seen = string(r.Data)
	}
	<-done
}
