package trial_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/testkit/robot"
	"github.com/mailrig/mailrig/internal/trial"
	"github.com/mailrig/mailrig/scenarios"
)

// scenario returns a scenario made for a test.
func scenario(t *testing.T, rules, expect string) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Parse("made-up.yaml", []byte("name: made-up\ntitle: Made up\nstory: For a test.\nrules:\n"+rules+"\nexpect:\n"+expect+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestVerdicts checks each verdict and its reason.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	const (
		slowSelect = `  - match: {command: SELECT}
    delay-reply: 10s`
		slightlySlow = `  - match: {command: SELECT}
    delay-reply: 50ms`
		refused = `  - match: {command: RCPT}
    reply: "550 5.1.1 no"`
		vrfy = `  - match: {command: VRFY}
    reply: "252 maybe"`
		worked = "  require: [worked-as-usual]"
	)
	imap, send := robot.Job{IMAP: true}, robot.Job{Send: true}
	for name, c := range map[string]struct {
		rules, expect string
		robot         robot.Habits
		job           robot.Job
		limit         time.Duration
		change        func(*trial.Run)
		verdict       trial.Verdict
		reason, not   string // what the reasons say, and don't
	}{
		"met, and as expected":        {rules: slightlySlow, expect: worked, job: imap, verdict: trial.Pass},
		"never met":                   {rules: vrfy, expect: worked, job: send, verdict: trial.NotExercised, reason: "never met"},
		"did first what ends a rule":  {rules: "  - match: {protocol: imap, command: SELECT}\n    until: {command: ID}\n    reply: \"NO [CANNOT] who are you?\"", expect: worked, job: imap, verdict: trial.Pass},
		"didn't meet the rule after":  {rules: "  - match: {protocol: imap, command: XLIST}\n    until: {command: ID}\n    reply: \"NO [CANNOT] who are you?\"", expect: worked, job: imap, verdict: trial.NotExercised, reason: "never met"},
		"of another protocol":         {rules: slightlySlow, expect: worked, job: send, verdict: trial.NotExercised, reason: "never met"},
		"a limit that is met":         {rules: "  - match: {protocol: smtp}\n    size-limit: 100", expect: "  command: fails", job: send, verdict: trial.Pass},
		"a limit that isn't met":      {rules: "  - match: {protocol: smtp}\n    size-limit: 1000000", expect: "  command: succeeds", job: send, verdict: trial.NotExercised, reason: "never met"},
		"few enough recipients":       {rules: "  - match: {protocol: smtp}\n    limit-recipients: 900", expect: "  command: succeeds", job: send, verdict: trial.NotExercised, reason: "never met"},
		"too many recipients":         {rules: "  - match: {protocol: smtp}\n    limit-recipients: 1", expect: "  mail: once", job: send, robot: robot.Careless(), verdict: trial.Fail, reason: "exactly once"},
		"names that nobody looks at":  {rules: "  - hierarchy: {delimiter: \".\", prefix: INBOX.}", expect: worked, job: robot.Job{POP3: true}, verdict: trial.NotExercised, reason: "never met"},
		"mail that somebody looks at": {rules: "  - fill: {messages: 3}", expect: worked, job: imap, verdict: trial.Pass},
		"met, and showed nothing":     {rules: slightlySlow, expect: "  require: [mail-sent]", job: imap, verdict: trial.NotExercised, reason: "told us nothing about this client"},
		"can't be started":            {rules: slightlySlow, expect: worked, job: imap, change: func(r *trial.Run) { r.Err = errors.New("no such program") }, verdict: trial.CouldNotRun, reason: "no such program"},
		"killed without having met":   {rules: vrfy, expect: worked, job: imap, change: func(r *trial.Run) { r.Killed = true }, verdict: trial.CouldNotRun, reason: "had not met the scenario"},
		"killed while it has to wait": {rules: slowSelect, expect: worked, job: imap, robot: robot.Stubborn(), limit: 4 * time.Second, verdict: trial.NotExercised, reason: "give it more time"},
		"left, and killed later":      {rules: slightlySlow, expect: "  require: [gave-up-in-time]", job: imap, limit: 4 * time.Second, change: func(r *trial.Run) { r.Killed, r.Overdue = true, time.Now() }, verdict: trial.Fail, reason: "still running", not: "still waiting"},
		"waiting when killed":         {rules: `  - connect: silent`, expect: "  require: [gave-up-in-time]", job: imap, robot: robot.Stubborn(), limit: 4 * time.Second, verdict: trial.Fail, reason: "still waiting"},
		"killed":                      {rules: `  - connect: silent`, expect: worked, job: imap, robot: robot.Stubborn(), limit: 4 * time.Second, verdict: trial.Fail, reason: "mailrig killed it"},
		"should fail, and does":       {rules: refused, expect: "  command: fails", job: send, verdict: trial.Pass},
		"should fail, and doesn't":    {rules: refused, expect: "  command: fails", job: send, change: func(r *trial.Run) { r.Status = 0 }, verdict: trial.Fail, reason: "exited with status 0"},
		"should succeed, and doesn't": {rules: refused, expect: "  command: succeeds", job: send, verdict: trial.Fail, reason: "should report success"},
		"mail that can't arrive":      {rules: refused, expect: "  mail: none", job: send, verdict: trial.Pass},
		"mail that must arrive":       {rules: refused, expect: "  mail: once", job: send, verdict: trial.Fail, reason: "exactly once"},
		"mail that arrives":           {rules: "  - match: {protocol: smtp, command: DATA}\n    delay-reply: 10ms", expect: "  mail: once", job: send, verdict: trial.Pass},
		"mail that mustn't arrive":    {rules: "  - match: {protocol: smtp, command: DATA}\n    delay-reply: 10ms", expect: "  mail: none", job: send, verdict: trial.Fail, reason: "get through"},
		"mail that mustn't arrive, and then waits": {rules: "  - match: {protocol: smtp, command: DATA}\n    delay-reply: 10ms\n  - match: {command: VRFY}\n    delay-reply: 10m",
			expect: "  mail: none", job: send, change: func(r *trial.Run) { r.Killed = true }, verdict: trial.Fail, reason: "get through"},
		"mail of one who sends none": {rules: slightlySlow, expect: "  mail: once", job: imap, verdict: trial.NotExercised, reason: "told us nothing about this client"},
		"in time":                    {rules: slightlySlow, expect: "  within: 1m", job: imap, verdict: trial.Pass},
		"too late":                   {rules: slightlySlow, expect: "  within: 1ms", job: imap, verdict: trial.Fail, reason: "should finish within"},
		"a door that refuses":        {rules: "  - connect: refuse", expect: "  command: fails", job: imap, verdict: trial.Pass},
		"a door that isn't used":     {rules: "  - match: {protocol: smtp}\n    connect: refuse", expect: "  command: fails", job: imap, verdict: trial.NotExercised, reason: "never met"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, h := scenario(t, c.rules, c.expect), c.robot
			if h.Name == "" {
				h = robot.Careful()
			}
			if c.limit == 0 {
				c.limit = limit
			}
			run := *l.run(h, c.job, c.limit, s)
			if c.change != nil {
				c.change(&run)
			}
			like := h
			if h.Name == "stubborn" {
				like = robot.Careless()
			}
			j := trial.Judge(s, l.control(like, c.job), &run, trial.Terms{Limit: c.limit})
			if j.Verdict != c.verdict {
				t.Fatalf("got %s; want %s", reasons(j), c.verdict)
			}
			if (c.reason == "") != (len(j.Reasons) == 0) || !strings.Contains(reasons(j), c.reason) {
				t.Errorf("got %s; want the reason %q", reasons(j), c.reason)
			}
			if c.not != "" && strings.Contains(reasons(j), c.not) {
				t.Errorf("got %s; want nothing about %q", reasons(j), c.not)
			}
		})
	}
}

func TestLongest(t *testing.T) {
	t.Parallel()
	for rules, want := range map[string]time.Duration{
		"  - delay-greeting: 20s":                           20 * time.Second,
		"  - drip: {bytes: 1, every: 50ms}":                 50 * time.Millisecond,
		"  - match: {protocol: smtp}\n    size-limit: 1000": 0,
		"  - match: {command: RCPT}\n    reply: \"450 later\"\n  - match: {protocol: smtp}\n    delay-final-reply: 5m": 5 * time.Minute,
	} {
		if got := trial.Longest(scenario(t, rules, "  require: [worked-as-usual]")); got != want {
			t.Errorf("%s\ngot %v; want %v", rules, got, want)
		}
	}
}
