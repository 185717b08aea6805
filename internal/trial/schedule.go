package trial

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/scenarios"
)

// Most of what a client does in a trial is waiting, for a slow server or for its own timeout. If the user doesn't say
// how many runs there may be at a time, a trial therefore keeps few runs busy and many waiting. A run that has taken
// several times as long as the control run counts as waiting and makes room for another. Scenarios that make a client
// wait come first.

const (
	// placesPerCore is how many runs per core may be busy.
	placesPerCore = 2
	// mostPerCore is how many runs per core there may be in all.
	mostPerCore = 16
)

// patience returns the time after which a run counts as waiting.
func patience(control time.Duration) time.Duration { return 4*control + 300*time.Millisecond }

// schedule decides how many runs there are at a time.
type schedule struct {
	places   int           // runs that count as busy, at most
	most     int           // all runs, at most
	patience time.Duration // after this time a run counts as waiting; 0: never
}

// schedule returns the schedule that the user asked for, or one for this machine.
func (t *Trial) schedule(control *Run) schedule {
	if t.Jobs > 0 {
		return schedule{places: t.Jobs, most: t.Jobs}
	}
	cores := runtime.GOMAXPROCS(0)
	return schedule{places: placesPerCore * cores, most: mostPerCore * cores, patience: patience(control.Took)}
}

// each calls do with each number below n, in order, each call in its own goroutine, until ctx is done. It calls ended
// when a call has returned, always from the same goroutine; left is how many are still to come. When all calls have
// returned, it returns how many there were.
func (s schedule) each(ctx context.Context, n int, do func(i int), ended func(i, left int)) (begun int) {
	type event struct {
		i     int
		waits bool // it is still running; otherwise it has ended
	}
	events := make(chan event, 2*n) // never blocks
	waiting, over := map[int]bool{}, map[int]bool{}
	running, busy := 0, 0
	for {
		for begun < n && running < s.most && busy < s.places && ctx.Err() == nil {
			i := begun
			begun++
			running++
			busy++
			stop := func() bool { return false }
			if s.patience > 0 {
				stop = time.AfterFunc(s.patience, func() { events <- event{i, true} }).Stop
			}
			go func() {
				do(i)
				stop()
				events <- event{i, false}
			}()
		}
		if running == 0 {
			return begun
		}
		e := <-events
		switch {
		case e.waits && !over[e.i]:
			waiting[e.i] = true
			busy--
		case !e.waits:
			over[e.i] = true
			running--
			if !waiting[e.i] {
				busy--
			}
			ended(e.i, n-begun+running)
		}
	}
}

// all runs and judges every scenario of the shard of which the journal has no verdict. The results are in the scenarios'
// order.
func (t *Trial) all(ctx context.Context, control *Run, limit time.Duration) []Result {
	mine := t.Mine()
	results := make([]Result, len(mine))
	var order []int
	for i, s := range mine {
		if r := t.Journal.verdict(s.Name); r != nil {
			results[i] = *r
			results[i].Known = t.known(r)
			continue
		}
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(waits(mine[b], limit), waits(mine[a], limit))
	})
	begun := t.schedule(control).each(ctx, len(order), func(i int) {
		results[order[i]] = t.judged(ctx, mine[order[i]], control, limit)
	}, func(i, left int) {
		t.Journal.add(&results[order[i]])
		if t.OnResult != nil {
			t.OnResult(&results[order[i]], left)
		}
	})
	for _, i := range order[begun:] {
		results[i] = resultOf(mine[i])
		results[i].interrupt("the trial was interrupted before it ended")
	}
	return results
}

// waits estimates how long a scenario may make a client wait. Those with the longest wait begin first.
func waits(s *scenarios.Scenario, limit time.Duration) time.Duration {
	for _, r := range s.Rules {
		if r.Waits() == fault.Forever {
			return limit
		}
	}
	return min(Longest(s), limit)
}
