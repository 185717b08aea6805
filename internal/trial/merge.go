package trial

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/scenarios"
)

// Merge makes one report of the JSON reports in these files, which are of one trial: its shards, or parts with different
// scenarios. Apart from times, it is what one machine would have reported. The control run is that of the first shard,
// with the warnings of all. Scenarios of a shard that is missing could not run, and the report is that of an interrupted
// trial; missing lists such shards.
func Merge(files []string) (merged *Report, missing []string, err error) {
	if len(files) == 0 {
		return nil, nil, errors.New("there is nothing to merge")
	}
	parts := make([]part, len(files))
	for i, file := range files {
		r, err := LoadReport(file)
		if err != nil {
			return nil, nil, err
		}
		parts[i] = part{file, r}
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(a.Shard.number(), b.Shard.number()) })
	for _, p := range parts[1:] {
		if err := parts[0].fits(p); err != nil {
			return nil, nil, err
		}
	}
	merged, err = together(parts)
	if err != nil {
		return nil, nil, err
	}
	missing = merged.fill(parts)
	merged.sort(parts[0].Shard)
	merged.count()
	return merged, missing, nil
}

// part is a report to merge, and its file.
type part struct {
	file string
	*Report
}

// fits returns an error if p and q can't be of one trial.
func (p part) fits(q part) error {
	if what := differ(q.Report, p.Report); what != "" {
		return fmt.Errorf("%s and %s aren't of one trial: of the first, %s", q.file, p.file, what)
	}
	switch a, b := p.Shard, q.Shard; {
	case (a == nil) != (b == nil) || a != nil && a.Of != b.Of:
		return fmt.Errorf("%s is of %s, and %s of %s; give the reports of one trial", p.file, a, q.file, b)
	case a != nil && !slices.Equal(a.All, b.All):
		return fmt.Errorf("%s and %s are of trials with different scenarios; give every shard the same --scenario and --failed", p.file, q.file)
	}
	return nil
}

// together puts the results of the parts into one report.
func together(parts []part) (*Report, error) {
	merged := *parts[0].Report
	merged.Shard, merged.Results, merged.Fixed, merged.Unknown = nil, []Result{}, nil, nil
	merged.Control.Warnings = []string{}
	in := map[string]string{} // the file by the scenario's name
	for _, p := range parts {
		if p.Started.Before(merged.Started) {
			merged.Started = p.Started
		}
		merged.Took = max(merged.Took, p.Took) // as they run at the same time
		merged.Interrupted = merged.Interrupted || p.Interrupted
		if merged.Control.Problem == "" && p.Control.Problem != "" {
			warnings := merged.Control.Warnings
			merged.Control = p.Control
			merged.Control.Warnings = warnings
		}
		addNew(&merged.Control.Warnings, p.Control.Warnings)
		addNew(&merged.Unknown, p.Unknown)
		merged.Fixed = append(merged.Fixed, p.Fixed...)
		for _, r := range p.Results {
			if file, twice := in[r.Scenario]; twice {
				return nil, fmt.Errorf("%s and %s both have a result for %s; give each report once", file, p.file, r.Scenario)
			}
			in[r.Scenario] = p.file
			merged.Results = append(merged.Results, r)
		}
	}
	return &merged, nil
}

func addNew(list *[]string, more []string) {
	for _, s := range more {
		if !slices.Contains(*list, s) {
			*list = append(*list, s)
		}
	}
}

// fill adds a result for each scenario that has none because a shard's report is missing, or because a shard was killed.
// It names the shards whose reports are missing.
func (r *Report) fill(parts []part) (missing []string) {
	of := parts[0].Shard
	if of == nil {
		return nil
	}
	for n := 1; n <= of.Of; n++ {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.Shard.Number == n }) {
			missing = append(missing, fmt.Sprintf("%d/%d", n, of.Of))
		}
	}
	if r.Control.Problem != "" {
		return missing
	}
	why := "the trial was interrupted before it ended"
	if missing != nil {
		why = "there is no report of the shard that tries it: " + strings.Join(missing, " or ")
		r.Interrupted = true
	}
	known, catalogue := map[string]bool{}, map[string]*scenarios.Scenario{}
	for i := range r.Results {
		known[r.Results[i].Scenario] = true
	}
	for _, s := range scenarios.All() {
		catalogue[s.Name] = s
	}
	for _, name := range of.All {
		if known[name] {
			continue
		}
		known[name] = true
		s := catalogue[name]
		if s == nil {
			s = &scenarios.Scenario{Name: name} // a file, of which nothing else is known
		}
		x := resultOf(s)
		x.interrupt(why)
		r.Results = append(r.Results, x)
	}
	return missing
}

// sort puts the results, and the names of what passes now, into the order of the whole trial: that of the shards'
// list or, without one, the catalogue's, with files last.
func (r *Report) sort(of *ShardOf) {
	place := map[string]int{}
	if of != nil {
		for i, name := range of.All {
			place[name] = i + 1
		}
	} else if all, err := Select(nil); err == nil {
		for i, s := range all {
			place[s.Name] = i + 1
		}
	}
	compare := func(a, b string) int {
		x, y := place[a], place[b]
		if x == 0 || y == 0 { // what has no place comes last
			x, y = -x, -y
		}
		return cmp.Compare(x, y)
	}
	slices.SortStableFunc(r.Results, func(a, b Result) int { return compare(a.Scenario, b.Scenario) })
	slices.SortStableFunc(r.Fixed, compare)
}
