package trial

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
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
func LoadBaseline(file string) (*Baseline, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("can't read the baseline: %w; write one with --report %s.json", err, strings.TrimSuffix(file, ".json"))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBaseline+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("can't read the baseline: %w", err)
	case len(data) > maxBaseline:
		return nil, fmt.Errorf("the baseline %s is larger than %d bytes, more than any report; give a JSON report, or a list of scenarios", file, maxBaseline)
	}
	b := &Baseline{File: file}
	if text := bytes.TrimSpace(data); len(text) > 0 && text[0] == '{' {
		err = b.fromReport(text)
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

func (b *Baseline) fromReport(data []byte) error {
	var report struct {
		Results *[]struct {
			Scenario string  `json:"scenario"`
			Verdict  Verdict `json:"verdict"`
		} `json:"results"`
	}
	if err := json.Unmarshal(data, &report); err != nil {
		return fmt.Errorf("the baseline %s isn't a report: %w; write one with --report FILE.json", b.File, err)
	}
	if report.Results == nil {
		return fmt.Errorf("the baseline %s has no results, so it isn't the report of a trial; write one with --report FILE.json", b.File)
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
