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

// all runs and judges every scenario. The results are in the scenarios' order.
func (t *Trial) all(ctx context.Context, control *Run, limit time.Duration) []Result {
	places, most := t.Jobs, t.Jobs
	if t.Jobs == 0 {
		cores := runtime.GOMAXPROCS(0)
		places, most = placesPerCore*cores, mostPerCore*cores
	}
	order := make([]int, len(t.Scenarios))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(waits(t.Scenarios[b], limit), waits(t.Scenarios[a], limit))
	})

	results := make([]Result, len(t.Scenarios))
	type event struct {
		i     int
		waits bool // still runs; else it has ended
	}
	events := make(chan event, 2*len(order)) // nobody ever blocks on it
	waiting, ended := map[int]bool{}, map[int]bool{}
	next, running, busy := 0, 0, 0
	for {
		for next < len(order) && running < most && busy < places && ctx.Err() == nil {
			i := order[next]
			next++
			running++
			busy++
			timer := time.AfterFunc(patience(control.Took), func() { events <- event{i, true} })
			go func() {
				results[i] = t.judged(ctx, t.Scenarios[i], control, limit)
				timer.Stop()
				events <- event{i, false}
			}()
		}
		if running == 0 {
			break
		}
		e := <-events
		switch {
		case e.waits && !ended[e.i] && t.Jobs == 0:
			waiting[e.i] = true
			busy--
		case !e.waits:
			ended[e.i] = true
			running--
			if !waiting[e.i] {
				busy--
			}
			if t.OnResult != nil {
				t.OnResult(&results[e.i], len(order)-next+running)
			}
		}
	}
	for _, i := range order[next:] { // interrupted
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
