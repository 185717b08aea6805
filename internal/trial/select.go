package trial

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/scenarios"
)

// Select finds scenarios by patterns. Each is one pattern, or several separated by commas: a name in the catalogue, the
// path of a file, a group like smtp, or a glob over names (cert-*) or over groups and names (smtp/*). No pattern means
// the whole catalogue. The result is sorted by group and name, and files come last.
func Select(patterns []string) ([]*scenarios.Scenario, error) {
	all := scenarios.All()
	slices.SortStableFunc(all, func(a, b *scenarios.Scenario) int { return strings.Compare(a.Group, b.Group) })
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
	if len(wanted) == 0 {
		return all, nil
	}
	chosen := map[string]bool{} // of the catalogue
	var files []*scenarios.Scenario
	for _, w := range wanted {
		found, err := match(all, w)
		if err != nil {
			return nil, err
		}
		if found == nil {
			s, err := scenarios.Find(w)
			if err != nil {
				return nil, err
			}
			found = []*scenarios.Scenario{s}
		}
		for _, s := range found {
			if s.File == "" {
				chosen[s.Name] = true
			} else if !slices.ContainsFunc(files, func(f *scenarios.Scenario) bool { return f.File == s.File }) {
				files = append(files, s)
			}
		}
	}
	all = append(slices.DeleteFunc(all, func(s *scenarios.Scenario) bool { return !chosen[s.Name] }), files...)
	names := map[string]bool{}
	for _, s := range all {
		if names[s.Name] {
			return nil, fmt.Errorf("two of the scenarios are called %s, so their verdicts couldn't be told apart; rename the one in %s", s.Name, s.File)
		}
		names[s.Name] = true
	}
	return all, nil
}

// match finds the scenarios of a group or a glob. It returns nil if the pattern is neither.
func match(all []*scenarios.Scenario, pattern string) (found []*scenarios.Scenario, err error) {
	glob := strings.ContainsAny(pattern, "*?[")
	for _, s := range all {
		switch full := s.Group + "/" + s.Name; {
		case pattern == s.Group || pattern == s.Group+"/" || pattern == full:
			found = append(found, s)
		case glob:
			byName, bad := path.Match(pattern, s.Name)
			byGroup, _ := path.Match(pattern, full)
			if bad != nil {
				return nil, fmt.Errorf("%q isn't a pattern: a bracket isn't closed; write patterns such as starttls-* and smtp/*", pattern)
			}
			if byName || byGroup {
				found = append(found, s)
			}
		}
	}
	if glob && found == nil {
		if _, err := os.Stat(pattern); err == nil {
			return nil, nil // a file with a strange name
		}
		return nil, fmt.Errorf("no scenario matches %q; `mailrig scenarios` lists them all, and the groups are %s", pattern, strings.Join(groups(all), ", "))
	}
	return found, nil
}

func groups(all []*scenarios.Scenario) (names []string) {
	for _, s := range all {
		if !slices.Contains(names, s.Group) {
			names = append(names, s.Group)
		}
	}
	return names
}
