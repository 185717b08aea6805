package trial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/transcript"
	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// DefaultTimeout is how long a command may run for one scenario.
const DefaultTimeout = 30 * time.Second

// Trial says what to run and under what.
type Trial struct {
	Path      string   // of the program
	Args      []string // with the name that it is called by in front
	Dir       string   // where it runs; "" is here
	Scenarios []*scenarios.Scenario
	Jobs      int           // at most so many at a time; 0 lets the trial choose, see schedule.go
	Timeout   time.Duration // of each run; 0: DefaultTimeout

	// Rig is how every fresh rig is made, but for its scenarios. Without a seed the users
	// get three messages, see mail.go.
	Rig server.Config
	// Environ is the environment of the command for a rig that is up.
	Environ func(*server.Server) []string

	Baseline *Baseline // known failures; nil: none
	// OnResult, which may be nil, is told of each result as it comes, by one goroutine at a
	// time. left is how many are still to come.
	OnResult func(r *Result, left int)
}

// Report is what a trial has found. Its JSON form is documented in docs/trial.md.
type Report struct {
	Mailrig     string        `json:"mailrig"` // version
	Command     []string      `json:"command"`
	Started     time.Time     `json:"started"`
	Took        time.Duration `json:"took"`    // nanoseconds, like all times here
	Timeout     time.Duration `json:"timeout"` // of each run
	Interrupted bool          `json:"interrupted"`
	Control     Control       `json:"control"`
	Counts      Counts        `json:"counts"`
	Results     []Result      `json:"results"` // in the order of the scenarios
	// Baseline is the file of known failures, "" for none. Fixed are scenarios in it that
	// passed, Unknown what in it is the name of no scenario.
	Baseline string   `json:"baseline,omitempty"`
	Fixed    []string `json:"fixed,omitempty"`
	Unknown  []string `json:"unknown,omitempty"`
}

// Control is what the command did at a correct server.
type Control struct {
	// Problem says why the trial stopped there and what to fix; "" when it went on.
	Problem  string                `json:"problem,omitempty"`
	Warnings []string              `json:"warnings"`
	Status   int                   `json:"status"`
	Took     time.Duration         `json:"took"`
	Findings []diagnose.Finding    `json:"findings"`
	Output   string                `json:"output"`
	Sessions []*transcript.Session `json:"sessions"`
}

// Counts sums the results up. Known failures count as failed or not run, and again.
type Counts struct {
	Pass         int `json:"pass"`
	Fail         int `json:"fail"`
	NotExercised int `json:"not_exercised"`
	CouldNotRun  int `json:"could_not_run"`
	Known        int `json:"known"`
}

// Result is the verdict for one scenario and what it rests on.
type Result struct {
	Scenario string                `json:"scenario"`
	Title    string                `json:"title"`
	Group    string                `json:"group"` // "" for a file
	Verdict  Verdict               `json:"verdict"`
	Known    bool                  `json:"known"` // it failed, or couldn't run, as the baseline says
	Reasons  []Reason              `json:"reasons"`
	Findings []diagnose.Finding    `json:"findings"`
	Took     time.Duration         `json:"took"`
	Status   int                   `json:"status"` // exit status; -1: it didn't end by itself
	Killed   bool                  `json:"killed"` // its time was over
	Output   string                `json:"output"` // the last 64 KiB of it
	Sessions []*transcript.Session `json:"sessions"`
}

// Against tells if a result speaks against the client: it failed, or nobody can say, and
// that isn't known.
func (r *Result) Against() bool {
	return (r.Verdict == Fail || r.Verdict == CouldNotRun) && !r.Known
}

// Negative tells if the trial came out negative: something failed or couldn't run that
// isn't known to, or nothing was exercised at all, or it was interrupted.
func (r *Report) Negative() bool {
	return r.Control.Problem != "" || r.Interrupted || slices.ContainsFunc(r.Results, func(x Result) bool { return x.Against() }) ||
		r.Counts.NotExercised == len(r.Results)
}

// Run does the trial. When ctx is done it ends what runs and reports what it knows. An
// error means that there is nothing to report.
func (t *Trial) Run(ctx context.Context) (*Report, error) {
	if len(t.Scenarios) == 0 {
		return nil, errors.New("a trial needs a scenario")
	}
	limit := t.Timeout
	if limit == 0 {
		limit = DefaultTimeout
	}
	report := &Report{
		Mailrig: t.Rig.Version, Command: t.Args, Started: time.Now(), Timeout: limit, Results: []Result{},
	}
	if t.Baseline != nil {
		report.Baseline = t.Baseline.File
	}
	// Twice, because a client that differs from itself can't be judged.
	control := t.run(ctx, nil, limit)
	if control.err == nil && ctx.Err() == nil {
		report.Control = t.control(control, limit)
		if report.Control.Problem == "" && control.Took < limit/4 {
			again := t.run(ctx, nil, limit)
			if ctx.Err() == nil {
				report.Control.Warnings = append(report.Control.Warnings, differences(&control.Run, &again.Run)...)
			}
		}
	}
	switch {
	case control.err != nil:
		return nil, control.err
	case ctx.Err() != nil:
		report.Control.Problem = "the trial was interrupted during the control run"
		report.Interrupted = true
	case report.Control.Problem == "":
		report.Results = t.all(ctx, &control.Run, limit)
		report.Interrupted = ctx.Err() != nil
	}
	report.Took = time.Since(report.Started)
	report.sumUp(t)
	return report, nil
}

func (r *Report) sumUp(t *Trial) {
	for i := range r.Results {
		switch res := &r.Results[i]; res.Verdict {
		case Pass:
			r.Counts.Pass++
			if t.Baseline.Has(res.Scenario) {
				r.Fixed = append(r.Fixed, res.Scenario)
			}
		case Fail:
			r.Counts.Fail++
		case NotExercised:
			r.Counts.NotExercised++
		case CouldNotRun:
			r.Counts.CouldNotRun++
		}
		if r.Results[i].Known {
			r.Counts.Known++
		}
	}
	if t.Baseline == nil {
		return
	}
	for _, name := range t.Baseline.Names {
		of := func(s *scenarios.Scenario) bool { return s.Name == name }
		if !slices.ContainsFunc(t.Scenarios, of) && !slices.ContainsFunc(scenarios.All(), of) {
			r.Unknown = append(r.Unknown, name)
		}
	}
}

// ran is a Run with what else a report wants of it.
type ran struct {
	Run
	output    string
	forgotten int   // sessions that weren't kept
	err       error // of the rig or the command, before anything could happen
}

// judged runs the command under a scenario and judges it.
func (t *Trial) judged(ctx context.Context, s *scenarios.Scenario, control *Run, limit time.Duration) Result {
	r := Result{Scenario: s.Name, Title: s.Title, Group: s.Group, Status: -1, Findings: []diagnose.Finding{}, Sessions: []*transcript.Session{}}
	if !touches(s, control) {
		r.Verdict, r.Reasons = NotExercised, []Reason{{Text: "the scenario told us nothing about this client: it is about doors that the client doesn't use, so mailrig didn't run the command"}}
		return r
	}
	did := t.run(ctx, s, limit)
	r.Took, r.Status, r.Killed, r.Output = did.Took, did.Status, did.Killed, did.output
	if did.Sessions != nil {
		r.Sessions = did.Sessions
	}
	var j Judgement
	switch {
	case ctx.Err() != nil && did.Killed:
		j = interrupted()
	default:
		j = Judge(s, control, &did.Run, limit)
		r.Findings = append(r.Findings, caseOf(s, control, &did.Run).Findings(true)...)
	}
	if j.Verdict == NotExercised && len(did.Sessions) == 0 && did.Status != 0 && !did.Killed && len(caseOf(s, control, &did.Run).Blocked) == 0 {
		// It never came so far. That says nothing about the client and the scenario, and
		// something is wrong all the same.
		j = Judgement{CouldNotRun, []Reason{{Text: fmt.Sprintf("the command %s without having connected; without the scenario it succeeds", ending(&did.Run))}}}
	}
	if n := did.forgotten; n > 0 && j.Verdict != Fail {
		j = Judgement{CouldNotRun, []Reason{{Text: fmt.Sprintf("the client connected %d times, but mailrig keeps only the last %d sessions, so nothing is known of the others", n+len(did.Sessions), len(did.Sessions))}}}
	}
	r.Verdict, r.Reasons = j.Verdict, append([]Reason{}, j.Reasons...)
	r.Known = t.Baseline.Has(s.Name) && (r.Verdict == Fail || r.Verdict == CouldNotRun)
	return r
}

func interrupted() Judgement {
	return Judgement{CouldNotRun, []Reason{{Text: "the trial was interrupted before it ended"}}}
}

// ending says how a command ended.
func ending(r *Run) string {
	if r.Signal != "" {
		return "was killed by a signal (" + r.Signal + ")"
	}
	return fmt.Sprintf("exited with status %d", r.Status)
}

// Quote writes a command as one would type it.
func Quote(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		if a == "" || strings.ContainsAny(a, " \t\n\"'`$&|;<>()*?[]{}#~\\") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		quoted[i] = a
	}
	return strings.Join(quoted, " ")
}
