package trial

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/scenarios"
)

// maxBaseline is the largest baseline file, in bytes. A report on the whole catalogue has a few million.
const maxBaseline = 256 << 20

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
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("can't read the %s: %w; write one with --report %s.json", what, err, strings.TrimSuffix(file, ".json"))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBaseline+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("can't read the %s: %w", what, err)
	case len(data) > maxBaseline:
		return nil, fmt.Errorf("the %s %s is larger than %d bytes, more than any report; give a JSON report, or a list of scenarios", what, file, maxBaseline)
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
	var report struct {
		Results *[]struct {
			Scenario string  `json:"scenario"`
			Verdict  Verdict `json:"verdict"`
		} `json:"results"`
	}
	if err := json.Unmarshal(data, &report); err != nil {
		return fmt.Errorf("the %s %s isn't a report: %w; write one with --report FILE.json", what, b.File, err)
	}
	if report.Results == nil {
		return fmt.Errorf("the %s %s has no results, so it isn't the report of a trial; write one with --report FILE.json", what, b.File)
	}
	for _, r := range *report.Results {
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
