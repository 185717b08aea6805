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
		waits bool // it still runs; otherwise it has ended
	}
	events := make(chan event, 2*len(order)) // large enough that nobody ever blocks
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

// waits estimates how long a scenario may make a client wait. Those with the longest wait begin first.
func waits(s *scenarios.Scenario, limit time.Duration) time.Duration {
	for _, r := range s.Rules {
		if r.Waits() == fault.Forever {
			return limit
		}
	}
	return min(Longest(s), limit)
}
