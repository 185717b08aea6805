package trial

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/scenarios"
)

// Select finds scenarios by patterns. Each is one pattern, or several separated by commas: the path of a file, or what
// scenarios.Match takes. No pattern means the whole catalogue. The result is sorted by group and name, and files come
// last.
func Select(patterns []string) ([]*scenarios.Scenario, error) {
	var wanted []string
	for _, p := range patterns {
		if _, err := os.Stat(p); err == nil && strings.ContainsAny(p, `/\`) {
			wanted = append(wanted, p) // a path may contain a comma
			continue
		}
		for one := range strings.SplitSeq(p, ",") {
			if one = strings.TrimSpace(one); one != "" {
				wanted = append(wanted, one)
			}
		}
	}
	all, err := choose(wanted)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, s := range all {
		if names[s.Name] {
			return nil, fmt.Errorf("two of the scenarios are called %s, so their verdicts couldn't be told apart; rename the one in %s", s.Name, s.File)
		}
		names[s.Name] = true
	}
	return all, nil
}

// choose loads what the patterns mean, sorted. It reads no other scenario of the catalogue.
func choose(wanted []string) (all []*scenarios.Scenario, err error) {
	var files []*scenarios.Scenario
	if len(wanted) == 0 {
		all = scenarios.All()
	}
	index := scenarios.Index()
	for _, w := range wanted {
		found, err := scenarios.Match(index, w)
		if _, missing := os.Stat(w); err != nil && missing != nil {
			return nil, err
		}
		names := []string{w} // a file, perhaps with a strange name, or unknown
		if len(found) > 0 {
			names = nil
		}
		for _, e := range found {
			names = append(names, e.Name)
		}
		for _, name := range names {
			s, err := scenarios.Find(name)
			if err != nil {
				return nil, err
			}
			same := func(o *scenarios.Scenario) bool { return o.File == s.File && (s.File != "" || o.Name == s.Name) }
			switch {
			case slices.ContainsFunc(all, same) || slices.ContainsFunc(files, same):
			case s.File == "":
				all = append(all, s)
			default:
				files = append(files, s)
			}
		}
	}
	slices.SortFunc(all, func(a, b *scenarios.Scenario) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Name, b.Name))
	})
	return append(all, files...), nil
}
