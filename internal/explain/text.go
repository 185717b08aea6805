package explain

import (
	"fmt"
	"strings"
)

// inFull is how many causes Text prints with all that belongs to them.
const inFull = 4

// Text returns an answer for people.
func (t *Table) Text(a *Answer) string {
	var b strings.Builder
	if a.Refused != "" {
		fmt.Fprintf(&b, "The server's last refusal: %s\n\n", a.Refused)
	}
	switch {
	case len(a.Causes) == 0:
		b.WriteString("unknown\n\nNothing in this text is known. Give the exact message or the client's log, with the server's reply if there is one.\n" +
			"docs/symptoms.md lists what users say; `mailrig check HOST` looks at the server.\n")
		return b.String()
	case len(a.Causes) == 1 && a.Causes[0].Sure == Certain:
	case a.Causes[0].Sure == OneOf:
		b.WriteString("One of these, the likeliest first. The words don't tell them apart.\n\n")
	case len(a.Causes) == 1:
		b.WriteString("Probably:\n\n")
	default:
		b.WriteString("The likeliest first.\n\n")
	}
	for i, l := range a.Causes {
		if i == inFull {
			b.WriteString("Less likely:\n")
		}
		if i >= inFull {
			fmt.Fprintf(&b, "  %s (%s)\n", strings.TrimSuffix(l.Title, "."), how(&l.Cause))
			continue
		}
		lead := ""
		if len(a.Causes) > 1 {
			lead = fmt.Sprintf("%d. ", i+1)
		}
		fmt.Fprintf(&b, "%s%s\n", lead, l.Title)
		fmt.Fprintf(&b, "   change:     %s\n", l.Change)
		fmt.Fprintf(&b, "   because:    %s\n", t.because(l.Because))
		fmt.Fprintf(&b, "   reproduce:  %s\n\n", how(&l.Cause))
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func (t *Table) because(reasons []Reason) string {
	var all []string
	for _, r := range reasons {
		text := fmt.Sprintf("%q", r.Words)
		if name := t.familyName(r.Family); name != "" {
			text += " (" + name + ")"
		}
		if r.Counted != "" {
			text += "; counted: " + r.Counted
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func (t *Table) familyName(id string) string {
	for _, f := range t.families {
		if f.ID == id && f.Level == "" {
			return f.Name
		}
	}
	return ""
}

// how says how to reproduce a cause.
func how(c *Cause) string {
	if len(c.Scenarios) > 0 {
		return "mailrig serve --scenario " + c.Scenarios[0]
	}
	return c.Reproduce
}
