package trial

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestJournal checks what is known when a trial is killed: after any number of bytes, everything that was complete.
func TestJournal(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "trial.json")
	whole := example()
	begun := *whole
	begun.Results = []Result{}
	j, err := OpenJournal(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.begin(&begun); err != nil {
		t.Fatal(err)
	}
	empty, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole.Results {
		j.add(&whole.Results[i])
	}
	j.close()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for n := len(empty); n <= len(data); n++ {
		r, err := decodeReport(data[:n])
		if err != nil {
			t.Fatalf("%d of %d bytes: %v", n, len(data), err)
		}
		if want := bytes.Count(data[len(empty):n], []byte("}\n")); !r.Interrupted || len(r.Results) < want || len(r.Results) > want+1 {
			t.Fatalf("%d of %d bytes: %d results, want %d, interrupted %v", n, len(data), len(r.Results), want, r.Interrupted)
		}
	}

	// It goes on with what is complete, and at the end the file is the report.
	if err := os.WriteFile(file, data[:len(data)-100], 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := OpenJournal(file)
	if err != nil || again.Whole() || again.verdict("d") == nil || again.verdict("e") != nil {
		t.Fatalf("%v, whole %v", err, again.Whole())
	}
	if err := again.begin(whole); err != nil {
		t.Fatal(err)
	}
	again.add(&whole.Results[4])
	if err := again.finish(whole); err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := whole.WriteJSON(&want); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%v\n%s", err, got)
	}
	if last, err := OpenJournal(file); err != nil || !last.Whole() {
		t.Errorf("%v, whole %v", err, last.Whole())
	}
}

// TestInterruptedIsTriedAgain checks that what Ctrl-C left without a verdict isn't taken for one.
func TestInterruptedIsTriedAgain(t *testing.T) {
	t.Parallel()
	r := example()
	r.Interrupted = true
	r.Results[3].interrupt("the trial was interrupted before it ended")
	j, err := OpenJournal(write(t, t.TempDir(), "trial.json", r))
	if err != nil {
		t.Fatal(err)
	}
	if j.Whole() || j.verdict("d") != nil || j.verdict("a") == nil {
		t.Errorf("whole %v, verdicts %v and %v", j.Whole(), j.verdict("d"), j.verdict("a"))
	}
}

// TestJournalOfAnotherTrial checks that nothing is mixed up.
func TestJournalOfAnotherTrial(t *testing.T) {
	t.Parallel()
	all, err := Select([]string{"greylisting,cert-expired"})
	if err != nil {
		t.Fatal(err)
	}
	now := &Trial{Args: []string{"./client"}, Scenarios: all}
	for want, change := range map[string]func(*Report){
		"":                         func(*Report) {},
		"it ran ./other":           func(r *Report) { r.Command = []string{"./other"} },
		"its --timeout was 1ns":    func(r *Report) { r.Timeout = 1 },
		"by mailrig 7":             func(r *Report) { r.Mailrig = "7" },
		"of shard 1/2":             func(r *Report) { r.Shard = &ShardOf{Number: 1, Of: 2} },
		"has a result for strange": func(r *Report) { r.Results = []Result{{Scenario: "strange"}} },
	} {
		earlier := now.report()
		change(earlier)
		trial := *now
		trial.Journal = &Journal{File: "trial.json", Earlier: earlier}
		if err := trial.CheckJournal(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
