package trial_test

import (
	"sync"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/testkit/robot"
	"github.com/mailrig/mailrig/internal/transcript"
	"github.com/mailrig/mailrig/internal/trial"
	"github.com/mailrig/mailrig/scenarios"
)

// TestPartialJobs checks that a careful client which does only one thing is never failed for what it doesn't do.
func TestPartialJobs(t *testing.T) {
	l := newLab(t)
	jobs := map[string]robot.Job{"smtp": {Send: true}, "imap": {IMAP: true}, "pop3": {POP3: true}}
	passed := map[string]int{}
	for name, j := range jobs {
		if control := l.control(robot.Careful(), j); control.Err != nil || control.Status != 0 {
			t.Fatalf("%s: not up to it at a correct server: %v%s", name, control.Err, dialogues(control))
		}
	}
	forEach(t, func(s *scenarios.Scenario) string {
		quick, wrong := l.faster(s), ""
		var mu sync.Mutex
		var wg sync.WaitGroup
		for name, j := range jobs {
			wg.Go(func() {
				run := l.run(robot.Careful(), j, limit, quick)
				v := trial.Judge(quick, l.control(robot.Careful(), j), run, trial.Terms{Limit: limit})
				mu.Lock()
				defer mu.Unlock()
				switch v.Verdict {
				case trial.Pass:
					l.mu.Lock()
					defer l.mu.Unlock()
					passed[name]++
				case trial.NotExercised:
				default:
					wrong += name + " only: " + reasons(v) + dialogues(run) + "\n"
				}
			})
		}
		wg.Wait()
		return wrong
	})
	for name := range jobs {
		t.Logf("%s only: passes %d scenarios; the others don't concern it", name, passed[name])
		if *only == "*" && !racing && passed[name] < 50 {
			t.Errorf("%s only: passes %d scenarios, which is too few to mean anything", name, passed[name])
		}
	}
}

// TestNoFalseAlarms checks that a careful client at a correct server causes no error and no warning, whatever its
// habits.
func TestNoFalseAlarms(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for name, change := range map[string]func(*robot.Job){
		"everything":                      func(*robot.Job) {},
		"sends only":                      func(j *robot.Job) { j.IMAP, j.POP3 = false, false },
		"fetches by IMAP only":            func(j *robot.Job) { j.Send, j.POP3 = false, false },
		"fetches by POP3 only":            func(j *robot.Job) { j.Send, j.IMAP = false, false },
		"many messages on one connection": func(j *robot.Job) { j.Letters = 30 },
		"pipelining":                      func(j *robot.Job) { j.Pipeline, j.Letters = true, 5 },
		"parallel connections":            func(j *robot.Job) { j.Connections = 8 },
		"IDLE with news":                  func(j *robot.Job) { j.Idle = true },
		"POP3 without CAPA":               func(j *robot.Job) { j.NoCAPA = true },
		"looks for mail afterwards":       func(j *robot.Job) { j.Look = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := robot.Everything()
			change(&j)
			run := l.run(robot.Careful(), j, limit)
			if run.Err != nil || run.Status != 0 {
				t.Fatalf("the careful robot isn't up to it: %v", run.Err)
			}
			c := diagnose.NewCase(transcript.Records(run.Sessions), time.Now())
			again := diagnose.NewCase(transcript.Records(run.Sessions), time.Now()).WithControl(transcript.Records(run.Sessions))
			again.Over = true
			done := true
			again.Succeeded = &done
			for _, f := range append(c.Findings(false), again.Findings(false)...) {
				if f.Severity == diagnose.Error || f.Severity == diagnose.Warning {
					t.Errorf("%s: %s", f.ID, f.Line())
				}
			}
			for _, s := range run.Sessions {
				for _, f := range diagnose.Product().Of(transcript.Record(s), time.Now()) {
					if f.Severity == diagnose.Error || f.Severity == diagnose.Warning {
						t.Errorf("session %s by itself: %s: %s", s.ID, f.ID, f.Line())
					}
				}
			}
		})
	}
}
