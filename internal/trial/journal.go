package trial

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// Journal is a file that keeps what a trial has found out, so that the trial can go on after it was interrupted or
// killed. It holds a JSON report, and behind it one line of JSON for each result that has come since. At the end it is
// the report of the trial. A nil Journal keeps nothing.
type Journal struct {
	File    string
	Earlier *Report // what the file held; nil if there was none

	out *os.File
	err error // of the first write that failed
}

// OpenJournal reads a journal, or the JSON report of an interrupted trial. The file need not exist.
func OpenJournal(file string) (*Journal, error) {
	j := &Journal{File: file}
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return j, checkPlace(file)
	}
	var err error
	j.Earlier, err = LoadReport(file)
	return j, err
}

// Whole reports whether the file holds the report of a trial that wasn't interrupted.
func (j *Journal) Whole() bool {
	return j != nil && j.Earlier != nil && !j.Earlier.Interrupted && j.Earlier.Control.Problem == ""
}

// CheckJournal returns an error if the journal is of another trial.
func (t *Trial) CheckJournal() error {
	if t.Journal == nil || t.Journal.Earlier == nil {
		return nil
	}
	earlier, now := t.Journal.Earlier, t.report()
	if what := differ(earlier, now); what != "" {
		return fmt.Errorf("%s is of another trial: %s; start that one as before, or give a new file", t.Journal.File, what)
	}
	if a, b := earlier.Shard.String(), now.Shard.String(); a != b {
		return fmt.Errorf("%s is of %s, but this is %s; start it as before, or give a new file", t.Journal.File, a, b)
	}
	names := map[string]bool{}
	for _, s := range t.Mine() {
		names[s.Name] = true
	}
	for i := range earlier.Results {
		if name := earlier.Results[i].Scenario; !names[name] {
			return fmt.Errorf("%s has a result for %s, which isn't among the scenarios to try; choose the same ones as before, or give a new file", t.Journal.File, name)
		}
	}
	return nil
}

// differ says in which way two reports can't be of the same trial. It returns "" if they can.
func differ(a, b *Report) string {
	switch {
	case !slices.Equal(a.Command, b.Command):
		return fmt.Sprintf("it ran %s, not %s", Quote(a.Command), Quote(b.Command))
	case a.Timeout != b.Timeout:
		return fmt.Sprintf("its --timeout was %v, not %v", a.Timeout, b.Timeout)
	case a.RetriesOutside != b.RetriesOutside:
		where := map[bool]string{true: "outside", false: "inside"}
		return fmt.Sprintf("its --retries was %s, not %s", where[a.RetriesOutside], where[b.RetriesOutside])
	case a.Mailrig != b.Mailrig:
		return fmt.Sprintf("it was done by mailrig %s, not %s", a.Mailrig, b.Mailrig)
	}
	return ""
}

// begin writes what is known so far, and opens the file for results.
func (j *Journal) begin(now *Report) (err error) {
	if j == nil {
		return nil
	}
	known := *now
	if j.Earlier != nil {
		known = *j.Earlier
		known.Results = slices.DeleteFunc(slices.Clone(known.Results), func(r Result) bool { return r.Interrupted })
	}
	known.Interrupted = true // as long as nobody says otherwise
	if err = replaceFile(j.File, known.WriteJSON); err != nil {
		return err
	}
	j.out, err = os.OpenFile(j.File, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("write what is known to %s: %w", j.File, pathless(err))
	}
	return nil
}

// add writes a result.
func (j *Journal) add(r *Result) {
	if j == nil || j.err != nil || r.Interrupted {
		return
	}
	line, err := json.Marshal(r)
	if err == nil {
		_, err = j.out.Write(append(line, '\n'))
	}
	if err != nil {
		j.err = fmt.Errorf("write what is known to %s: %w", j.File, pathless(err))
	}
}

func (j *Journal) close() {
	if j != nil && j.out != nil {
		_ = j.out.Close() // what was written is checked as it is written
		j.out = nil
	}
}

// finish puts the report in the place of the journal.
func (j *Journal) finish(r *Report) error {
	if j == nil {
		return nil
	}
	j.close() // before it is replaced, for Windows
	return errors.Join(j.err, replaceFile(j.File, r.WriteJSON))
}

// verdict returns the earlier verdict on a scenario, or nil.
func (j *Journal) verdict(name string) *Result {
	if j == nil || j.Earlier == nil {
		return nil
	}
	for i := range j.Earlier.Results {
		if r := &j.Earlier.Results[i]; r.Scenario == name && !r.Interrupted {
			return r
		}
	}
	return nil
}

// differs lists how the control run differs from the earlier one, if that is known.
func (j *Journal) differs(control *Run) []string {
	if j == nil || j.Earlier == nil || len(j.Earlier.Control.Sessions) == 0 {
		return nil
	}
	before := &Run{Status: j.Earlier.Control.Status, Sessions: j.Earlier.Control.Sessions}
	return differences(before, control)
}

// addTimes makes a report that of the whole trial, from its first start.
func (j *Journal) addTimes(r *Report) {
	if j != nil && j.Earlier != nil {
		r.Started, r.Took = j.Earlier.Started, r.Took+j.Earlier.Took
	}
}
