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

// Most of what a client does in a trial is waiting: for a slow server, for its own
// timeout. Unless told how many runs there may be at a time, a trial therefore keeps few
// busy and many waiting: a run that has lasted several times as long as the control run
// makes place for another. Scenarios that make a client wait come first.

const (
	// placesPerCore are runs that are taken to be busy.
	placesPerCore = 2
	// mostPerCore bounds all runs.
	mostPerCore = 16
)

// patience is after which time a run is taken to wait.
func patience(control time.Duration) time.Duration { return 4*control + 300*time.Millisecond }

// schedule says how many runs go on at a time.
type schedule struct {
	places   int           // that are taken to be busy
	most     int           // in all
	patience time.Duration // after which a run is taken to wait, and makes place; 0: it never is
}

// schedule is made for this machine, unless one was told.
func (t *Trial) schedule(control *Run) schedule {
	if t.Jobs > 0 {
		return schedule{places: t.Jobs, most: t.Jobs}
	}
	cores := runtime.GOMAXPROCS(0)
	return schedule{places: placesPerCore * cores, most: mostPerCore * cores, patience: patience(control.Took)}
}

// each calls do with each number below n, in this order and each time in a goroutine of its own, until ctx is done.
// ended is called, by one goroutine, when one has returned; left is how many are still to come. It returns how many
// were begun, when all of them have ended.
func (s schedule) each(ctx context.Context, n int, do func(i int), ended func(i, left int)) (begun int) {
	type event struct {
		i     int
		waits bool // still runs; else it has ended
	}
	events := make(chan event, 2*n) // nobody ever blocks on it
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

// all runs and judges every scenario. The results are in the scenarios' order.
func (t *Trial) all(ctx context.Context, control *Run, limit time.Duration) []Result {
	order := make([]int, len(t.Scenarios))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(waits(t.Scenarios[b], limit), waits(t.Scenarios[a], limit))
	})
	results := make([]Result, len(t.Scenarios))
	begun := t.schedule(control).each(ctx, len(order), func(i int) {
		results[order[i]] = t.judged(ctx, t.Scenarios[order[i]], control, limit)
	}, func(i, left int) {
		if t.OnResult != nil {
			t.OnResult(&results[order[i]], left)
		}
	})
	for _, i := range order[begun:] { // interrupted
		s := t.Scenarios[i]
		results[i] = Result{Scenario: s.Name, Title: s.Title, Group: s.Group, Status: -1}
		j := interrupted()
		results[i].Verdict, results[i].Reasons = j.Verdict, j.Reasons
	}
	return results
}

// waits guesses for how long a scenario may make a client wait, to begin with those
// where it is longest.
func waits(s *scenarios.Scenario, limit time.Duration) time.Duration {
	for _, r := range s.Rules {
		if r.Waits() == fault.Forever {
			return limit
		}
	}
	return min(Longest(s), limit)
}
