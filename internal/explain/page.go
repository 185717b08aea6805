package explain

import (
	"fmt"
	"strings"
)

// Page returns docs/symptoms.md. group returns the group of a scenario in the catalogue.
func (t *Table) Page(group func(scenario string) string) string {
	var b strings.Builder
	b.WriteString(`# What the customer says

What users say about their mail, and what is behind it: the causes with the likeliest first, the question that tells them
apart, and the scenarios that reproduce it. ` + "`mailrig explain TEXT`" + ` answers from the same table, and knows the messages of programs
too ([explain.md](explain.md)).

<!-- Made from internal/explain/table by: go test ./internal/explain -update -->

`)
	for _, s := range t.symptoms {
		fmt.Fprintf(&b, "- [%s](#%s)\n", s.Title, anchor(s.Title))
	}
	for _, s := range t.symptoms {
		fmt.Fprintf(&b, "\n## %s\n\n", s.Title)
		if s.Counted != "" {
			fmt.Fprintf(&b, "Counted: %s.\n\n", s.Counted)
		}
		fmt.Fprintf(&b, "Ask: %s\n\n", s.Ask)
		ids, _ := t.expand(s.Means)
		for i, id := range ids {
			c := t.causes[id]
			fmt.Fprintf(&b, "%d. **%s** %s\n", i+1, c.Title, c.Change)
		}
		fmt.Fprintf(&b, "\nReproduce: %s\n", links(s.Scenarios, group))
	}
	b.WriteString("\n## All causes\n\n| cause | what is wrong | what to change | reproduce |\n|---|---|---|---|\n")
	for _, c := range t.Causes() {
		reproduce := links(c.Scenarios, group)
		if c.Reproduce != "" {
			reproduce = strings.TrimPrefix(reproduce+"; "+c.Reproduce, "; ")
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.ID, c.Title, strings.ReplaceAll(c.Change, "|", "/"), reproduce)
	}
	return b.String()
}

func links(scenarios []string, group func(string) string) string {
	var all []string
	for _, name := range scenarios {
		all = append(all, fmt.Sprintf("[%s](catalogue/%s.md#%s)", name, group(name), name))
	}
	return strings.Join(all, ", ")
}

// anchor is a heading's anchor on GitHub.
func anchor(title string) string {
	keep := func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-':
			return r
		}
		return -1
	}
	return strings.Map(keep, strings.ToLower(title))
}
