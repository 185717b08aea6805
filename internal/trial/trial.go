package trial

import (
	"cmp"
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

// DefaultTimeout is how long a command may run under one scenario.
const DefaultTimeout = 30 * time.Second

// Trial says what to run, and under which scenarios.
type Trial struct {
	Path      string   // path of the program
	Args      []string // starts with the name by which the program is called
	Dir       string   // where it runs; "" means the current directory
	Scenarios []*scenarios.Scenario
	Shard     Shard         // which part of Scenarios to try; the zero value means all
	Jobs      int           // how many runs at a time; 0 lets the trial choose (schedule.go)
	Timeout   time.Duration // of each run; 0 means DefaultTimeout
	// Grace is how long a run and what it has started have between SIGTERM and SIGKILL; 0 means DefaultGrace. What
	// is still running when the command has ended gets the same.
	Grace time.Duration
	// RetriesOutside is as in Terms.
	RetriesOutside bool

	// Rig is the configuration of every fresh rig, without its scenarios. If it has no seed, the users get three
	// messages (mail.go).
	Rig server.Config
	// Environ returns the command's environment for a rig that is up.
	Environ func(*server.Server) []string

	Baseline *Baseline // known failures; nil means none
	Journal  *Journal  // keeps what is known while the trial runs; nil means none
	// OnResult, if not nil, is called with each result as it comes, by one goroutine at a time. left is how many are
	// still to come.
	OnResult func(r *Result, left int)
}

// Report is the result of a trial. docs/trial.md documents its JSON form.
type Report struct {
	Mailrig string        `json:"mailrig"` // version
	Command []string      `json:"command"`
	Started time.Time     `json:"started"`
	Took    time.Duration `json:"took"`    // in nanoseconds, like all times here
	Timeout time.Duration `json:"timeout"` // of each run
	// RetriesOutside is as in Terms.
	RetriesOutside bool     `json:"retries_outside,omitempty"`
	Interrupted    bool     `json:"interrupted"`
	Shard          *ShardOf `json:"shard,omitempty"` // nil: the report is of a whole trial
	Control        Control  `json:"control"`
	Counts         Counts   `json:"counts"`
	Results        []Result `json:"results"` // in the order of the scenarios
	// Baseline is the file with the known failures, or "". Fixed lists scenarios in it that passed. Unknown lists
	// entries that name no scenario.
	Baseline string   `json:"baseline,omitempty"`
	Fixed    []string `json:"fixed,omitempty"`
	Unknown  []string `json:"unknown,omitempty"`
}

// Control is what the command did at a correct server.
type Control struct {
	// Problem says why the trial stopped there and how to fix it. It is "" if the trial went on.
	Problem  string                `json:"problem,omitempty"`
	Warnings []string              `json:"warnings"`
	Status   int                   `json:"status"`
	Took     time.Duration         `json:"took"`
	Findings []diagnose.Finding    `json:"findings"`
	Output   string                `json:"output"`
	Sessions []*transcript.Session `json:"sessions"`
}

// Counts are the totals of the results. A known failure counts twice: as failed or not run, and as known.
type Counts struct {
	Pass         int `json:"pass"`
	Fail         int `json:"fail"`
	NotExercised int `json:"not_exercised"`
	CouldNotRun  int `json:"could_not_run"`
	Known        int `json:"known"`
}

// Result is the verdict for one scenario, with what it rests on.
type Result struct {
	Scenario string   `json:"scenario"`
	Title    string   `json:"title"`
	Group    string   `json:"group"`    // "" for a file
	Story    string   `json:"story"`    // what happens in real life
	Must     []string `json:"must"`     // each completes "A good client must"
	MustNot  []string `json:"must_not"` // each completes "A good client must not"
	Verdict  Verdict  `json:"verdict"`
	Known    bool     `json:"known"` // it failed or couldn't run, and the baseline lists it
	Reasons  []Reason `json:"reasons"`
	// Idle says in words what the rules of the scenario wait for that never acted, where the client met the scenario.
	Idle     []string           `json:"idle,omitempty"`
	Findings []diagnose.Finding `json:"findings"`
	Took     time.Duration      `json:"took"`
	Status   int                `json:"status"` // exit status; -1: the command didn't end by itself
	Killed   bool               `json:"killed"` // its time was over
	// Interrupted says that there is no verdict because the trial ended first.
	Interrupted bool                  `json:"interrupted,omitempty"`
	Output      string                `json:"output"` // the last 64 KiB
	Sessions    []*transcript.Session `json:"sessions"`
}

// Against reports whether a result counts against the client: it failed, or there is no verdict, and the baseline
// doesn't list it.
func (r *Result) Against() bool {
	return (r.Verdict == Fail || r.Verdict == CouldNotRun) && !r.Known
}

// Negative reports whether the trial failed: something that isn't in the baseline failed or couldn't run, or nothing
// was exercised at all, or the trial was interrupted.
func (r *Report) Negative() bool {
	return r.Control.Problem != "" || r.Interrupted || slices.ContainsFunc(r.Results, func(x Result) bool { return x.Against() }) ||
		r.Unexercising()
}

// Unexercising reports whether nothing was exercised at all. Of a shard this is never said: others may have more luck.
func (r *Report) Unexercising() bool {
	return r.Shard == nil && r.Counts.NotExercised == len(r.Results)
}

// limit is how long each run may take.
func (t *Trial) limit() time.Duration { return cmp.Or(t.Timeout, DefaultTimeout) }

// report begins a report.
func (t *Trial) report() *Report {
	r := &Report{
		Mailrig: t.Rig.Version, Command: t.Args, Started: time.Now(), Timeout: t.limit(), RetriesOutside: t.RetriesOutside, Shard: t.shardOf(), Results: []Result{},
		Control: Control{Warnings: []string{}, Findings: []diagnose.Finding{}, Sessions: []*transcript.Session{}},
	}
	if t.Baseline != nil {
		r.Baseline = t.Baseline.File
	}
	return r
}

// Run does the trial. When ctx is done, it kills what runs and reports what it knows. An error means that there is
// nothing to report. If the journal has the report of a whole trial, Run returns that.
func (t *Trial) Run(ctx context.Context) (*Report, error) {
	if len(t.Scenarios) == 0 {
		return nil, errors.New("a trial needs a scenario")
	}
	if err := t.CheckJournal(); err != nil {
		return nil, err
	}
	if t.Journal.Whole() {
		return t.Journal.Earlier, nil
	}
	report, limit := t.report(), t.limit()
	if err := t.Journal.begin(report); err != nil {
		return nil, err
	}
	defer t.Journal.close()
	// Twice, because a client that behaves differently each time can't be judged.
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
		report.Control.Warnings = append(report.Control.Warnings, t.Journal.differs(&control.Run)...)
		report.Results = t.all(ctx, &control.Run, limit)
		report.Interrupted = ctx.Err() != nil
	}
	report.Took = time.Since(report.Started)
	t.Journal.addTimes(report)
	report.count()
	report.compare(t)
	return report, t.Journal.finish(report)
}

// count counts the verdicts.
func (r *Report) count() {
	r.Counts = Counts{}
	for i := range r.Results {
		switch r.Results[i].Verdict {
		case Pass:
			r.Counts.Pass++
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
}

// compare lists what has changed since the baseline.
func (r *Report) compare(t *Trial) {
	if t.Baseline == nil {
		return
	}
	for i := range r.Results {
		if x := &r.Results[i]; x.Verdict == Pass && t.Baseline.Has(x.Scenario) {
			r.Fixed = append(r.Fixed, x.Scenario)
		}
	}
	for _, name := range t.Baseline.Names {
		of := func(s *scenarios.Scenario) bool { return s.Name == name }
		if !slices.ContainsFunc(t.Scenarios, of) && !slices.ContainsFunc(scenarios.All(), of) {
			r.Unknown = append(r.Unknown, name)
		}
	}
}

// ran is a Run with what else a report needs.
type ran struct {
	Run
	forgotten int   // sessions that weren't kept
	idle      []int // the rules that never acted
	err       error // of the rig or the command, before anything could happen
}

// judged runs the command under a scenario and judges it.
func (t *Trial) judged(ctx context.Context, s *scenarios.Scenario, control *Run, limit time.Duration) Result {
	r := resultOf(s)
	if !touches(s, control) {
		r.Verdict, r.Reasons = NotExercised, []Reason{{Text: "the scenario told us nothing about this client: it is about doors that the client doesn't use, so mailrig didn't run the command"}}
		return r
	}
	did := t.run(ctx, s, limit)
	r.Took, r.Status, r.Killed, r.Output = did.Took, did.Status, did.Killed, did.Output
	if did.Sessions != nil {
		r.Sessions = did.Sessions
	}
	var j Judgement
	switch {
	case ctx.Err() != nil && did.Killed:
		r.interrupt("the trial was interrupted before it ended")
		return r
	default:
		j = Judge(s, control, &did.Run, Terms{Limit: limit, RetriesOutside: t.RetriesOutside})
		r.Findings = append(r.Findings, caseOf(s, control, &did.Run).Findings(true)...)
	}
	if j.Verdict == NotExercised && len(did.Sessions) == 0 && did.Status != 0 && !did.Killed && len(caseOf(s, control, &did.Run).Blocked) == 0 {
		// The command didn't get far enough to connect. That says nothing about the client under this scenario, but
		// something is wrong.
		j = Judgement{CouldNotRun, []Reason{{Text: fmt.Sprintf("the command %s without having connected; without the scenario it succeeds", ending(&did.Run))}}}
	}
	if n := did.forgotten; n > 0 && j.Verdict != Fail {
		j = Judgement{CouldNotRun, []Reason{{Text: fmt.Sprintf("the client connected %d times, but mailrig keeps only the last %d sessions, so nothing is known of the others", n+len(did.Sessions), len(did.Sessions))}}}
	}
	r.Verdict, r.Reasons = j.Verdict, append([]Reason{}, j.Reasons...)
	if r.Verdict == Pass || r.Verdict == Fail {
		r.Idle = waiting(s, did.idle)
	}
	r.Known = t.known(&r)
	return r
}

// waiting says in words what some of a scenario's rules wait for.
func waiting(s *scenarios.Scenario, rules []int) (words []string) {
	happens := s.Happens()
	for _, i := range rules {
		words = append(words, happens[i])
	}
	return words
}

// known reports whether a result is a known failure.
func (t *Trial) known(r *Result) bool {
	return t.Baseline.Has(r.Scenario) && (r.Verdict == Fail || r.Verdict == CouldNotRun)
}

// resultOf begins the result of a scenario.
func resultOf(s *scenarios.Scenario) Result {
	r := Result{
		Scenario: s.Name, Title: s.Title, Group: s.Group, Story: s.Story, Must: []string{}, MustNot: []string{}, Status: -1,
		Reasons: []Reason{}, Findings: []diagnose.Finding{}, Sessions: []*transcript.Session{},
	}
	must, mustNot := s.Expect.Musts()
	r.Must, r.MustNot = append(r.Must, must...), append(r.MustNot, mustNot...)
	return r
}

// interrupt says why there is no verdict.
func (r *Result) interrupt(why string) {
	r.Verdict, r.Interrupted, r.Reasons = CouldNotRun, true, []Reason{{Text: why}}
}

// ending says how a command ended.
func ending(r *Run) string {
	if r.Signal != "" {
		return "was killed by a signal (" + r.Signal + ")"
	}
	return fmt.Sprintf("exited with status %d", r.Status)
}

// Quote formats a command as a person would type it.
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
