package trial

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/scenarios"
)

// Baseline lists known failures.
type Baseline struct {
	File  string
	Names []string // names of scenarios, sorted
}

// LoadBaseline reads known failures from a file: a JSON report of an earlier trial, or a text file with one scenario
// name on each line (# begins a comment).
func LoadBaseline(file string) (*Baseline, error) { return loadFailures(file, "baseline") }

// loadFailures reads what failed from a file. Its errors call the file what.
func loadFailures(file, what string) (*Baseline, error) {
	data, err := readBounded(file)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, fmt.Errorf("the %s %s: %w", what, file, err)
	case err != nil:
		return nil, fmt.Errorf("can't read the %s: %s: %w; write one with --report %s.json", what, file, err, strings.TrimSuffix(file, ".json"))
	}
	b := &Baseline{File: file}
	if text := bytes.TrimSpace(data); len(text) > 0 && text[0] == '{' {
		err = b.fromReport(what, text)
	} else {
		err = b.fromList(string(data))
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(b.Names)
	b.Names = slices.Compact(b.Names)
	return b, nil
}

func (b *Baseline) fromReport(what string, data []byte) error {
	report, err := decodeReport(data)
	if err != nil {
		return fmt.Errorf("the %s %s isn't a JSON report of a trial: %w; write one with --report FILE.json", what, b.File, err)
	}
	for _, r := range report.Results {
		if r.Verdict == Fail || r.Verdict == CouldNotRun {
			b.Names = append(b.Names, r.Scenario)
		}
	}
	return nil
}

// fromList reads names of scenarios. A name may be a file's, so any word is allowed.
func (b *Baseline) fromList(text string) error {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if strings.ContainsAny(line, " \t") || line != strings.ToValidUTF8(line, "") {
			return fmt.Errorf("%s:%d: %q isn't the name of a scenario; give one on each line, or the JSON report of a trial", b.File, n, line)
		}
		b.Names = append(b.Names, line)
	}
	return nil
}

// Has reports whether a scenario is a known failure.
func (b *Baseline) Has(name string) bool {
	if b == nil {
		return false
	}
	_, ok := slices.BinarySearch(b.Names, name)
	return ok
}

// Failed returns those of the scenarios that failed or could not run in an earlier trial. file is what LoadBaseline
// reads. It is an error if the file names a scenario that isn't among them.
func Failed(file string, all []*scenarios.Scenario) (again []*scenarios.Scenario, err error) {
	b, err := loadFailures(file, "list of failures")
	if err != nil {
		return nil, err
	}
	for _, name := range b.Names {
		i := slices.IndexFunc(all, func(s *scenarios.Scenario) bool { return s.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("%s names the scenario %s, which isn't among those to try; give its file with --scenario too, or take it out", file, name)
		}
		again = append(again, all[i])
	}
	return again, nil
}
