package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/trial"
)

func TestProgressOnATerminal(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	p := newProgress(&b, false, 4, false)
	if p.terminal {
		t.Fatal("a buffer isn't a terminal")
	}
	p.terminal = true
	p.start()
	p.result(&trial.Result{Scenario: "a", Verdict: trial.Pass}, 3)
	p.result(&trial.Result{Scenario: "b", Verdict: trial.Fail, Reasons: []trial.Reason{{Text: "must not \x1b[2J"}}}, 2)
	p.stop()
	text := b.String()
	for _, want := range []string{"] 1 of 4,", "fail b: must not ", "[###############...............] 2 of 4, 1 failed,"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %q", want, text)
		}
	}
	if strings.Contains(text, "\x1b[2J") {
		t.Error("a client's text steers the terminal")
	}
	if !strings.HasSuffix(text, "\r\x1b[K") {
		t.Error("the bar is left behind")
	}
}

// TestTrialTableFits checks that the lines fit into a terminal, and that a word which can't isn't broken.
func TestTrialTableFits(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("many words and no end of them ", 10)
	r := &trial.Report{Counts: trial.Counts{Fail: 2}, Results: []trial.Result{
		{Scenario: "one", Group: "smtp", Verdict: trial.Fail, Reasons: []trial.Reason{{Text: long}}},
		{Scenario: "two", Group: "imap", Verdict: trial.Fail, Reasons: []trial.Reason{{Text: long}}},
	}}
	var b bytes.Buffer
	if err := writeTrial(&b, r, false, 60); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if len(line) > 61 && !strings.HasPrefix(line, "2 scenarios in") {
			t.Errorf("%d columns: %q", len(line)-1, line)
		}
	}
}

// TestTrialTableSteersNobody checks that the names in a report, which may come from another machine, are only shown.
func TestTrialTableSteersNobody(t *testing.T) {
	t.Parallel()
	const bad = "\x1b[2J\nfail  "
	why := []trial.Reason{{Text: bad}}
	r := &trial.Report{Baseline: bad, Fixed: []string{bad}, Unknown: []string{bad}, Control: trial.Control{Warnings: []string{bad}}, Counts: trial.Counts{Known: 1}}
	r.Results = []trial.Result{
		{Scenario: "a" + bad, Group: "g" + bad, Verdict: trial.Fail, Reasons: why}, {Scenario: "b" + bad, Group: "h" + bad, Verdict: trial.Fail, Known: true, Reasons: why},
		{Scenario: "c" + bad, Verdict: trial.NotExercised, Reasons: why}, {Scenario: "d" + bad, Verdict: trial.NotExercised, Reasons: why},
	}
	for _, columns := range []int{0, 40} {
		var b bytes.Buffer
		if err := writeTrial(&b, r, false, columns); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "\x1b") || strings.Contains(b.String(), "\nfail  ") && !strings.Contains(b.String(), "\nfail           a") {
			t.Errorf("%d columns: %q", columns, b.String())
		}
	}
}

func TestTrialTable(t *testing.T) {
	t.Parallel()
	r := &trial.Report{Baseline: "known.txt", Fixed: []string{"x"}, Control: trial.Control{Warnings: []string{"odd"}}, Counts: trial.Counts{Pass: 1, Fail: 2, NotExercised: 40, Known: 1}}
	why := []trial.Reason{{Text: "first", Sessions: []string{"1", "2"}}, {Text: "second"}}
	r.Results = []trial.Result{
		{Scenario: "good", Verdict: trial.Pass}, {Scenario: "bad", Verdict: trial.Fail, Reasons: why},
		{Scenario: "long-known", Verdict: trial.Fail, Known: true, Reasons: why[:1]}, {Scenario: "slow", Verdict: trial.NotExercised, Killed: true, Reasons: []trial.Reason{{Text: "give it more time with --timeout"}}},
	}
	for range 39 {
		r.Results = append(r.Results, trial.Result{Scenario: "unmet-scenario", Verdict: trial.NotExercised})
	}
	var plain, painted bytes.Buffer
	if err := writeTrial(&plain, r, false, 0); err != nil {
		t.Fatal(err)
	}
	if err := writeTrial(&painted, r, true, 0); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"43 scenarios in 0s: 1 passed, 2 failed, 40 not exercised, 0 could not run\n", "Known failures: 1 (listed in known.txt)\n", "warning: odd\n",
		"fail           bad         first, sessions 1, 2\n                           second\n",
		"known failure  long-known  first, sessions 1, 2\n", "(give it more time with --timeout): slow\n", "passes now, so remove from known.txt: x\n",
	} {
		if !strings.Contains(plain.String(), want) {
			t.Errorf("no %q in\n%s", want, plain.String())
		}
	}
	for line := range strings.Lines(plain.String()) {
		if len(line) > 101 {
			t.Errorf("not wrapped: %q", line)
		}
		if strings.TrimRight(line, " \n") != strings.TrimSuffix(line, "\n") {
			t.Errorf("ends with a space: %q", line)
		}
	}
	if strings.Contains(plain.String(), "\x1b") || !strings.Contains(painted.String(), "\x1b[31mfail") {
		t.Errorf("%q", painted.String())
	}
}
