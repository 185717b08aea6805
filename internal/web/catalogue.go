package web

import (
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/explain"
	"github.com/mailrig/mailrig/scenarios"
)

// catalogue is mailrig's own scenarios, and what users say when they meet them.
type catalogue struct {
	list     []scenarios.Entry
	groups   []group
	symptoms []explain.Symptom
}

// group is a group of scenarios.
type group struct {
	Name  string
	Count int
}

// readCatalogue reads the catalogue.
func readCatalogue() *catalogue {
	c := &catalogue{list: scenarios.Index(), symptoms: explain.Symptoms()}
	counts := map[string]int{}
	for _, e := range c.list {
		counts[e.Group]++
	}
	for _, name := range sortedKeys(counts) {
		c.groups = append(c.groups, group{name, counts[name]})
	}
	return c
}

// find lists the scenarios that have all words of a text in name, title, story or group. Those that have them in their name
// come first.
func (c *catalogue) find(text, inGroup string) (list []scenarios.Entry) {
	words := strings.Fields(strings.ToLower(text[:min(len(text), maxQuery)]))
	all := func(in string) bool {
		in = strings.ToLower(in)
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(in, w) })
	}
	var later []scenarios.Entry
	for _, e := range c.list {
		switch {
		case inGroup != "" && e.Group != inGroup:
		case all(e.Name):
			list = append(list, e)
		case all(e.Name + " " + e.Title + " " + e.Group + " " + e.Story):
			later = append(later, e)
		}
	}
	return append(list, later...)
}

// entry returns the scenario with this name.
func (c *catalogue) entry(name string) (scenarios.Entry, bool) {
	i := slices.IndexFunc(c.list, func(e scenarios.Entry) bool { return e.Name == name })
	if i < 0 {
		return scenarios.Entry{}, false
	}
	return c.list[i], true
}
