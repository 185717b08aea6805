package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// writeTable writes what people see when every door accepts.
func writeTable(w io.Writer, s startup, moved, taken, loginRule string, active []*scenarios.Scenario, notes []string) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "mailrig %s is ready\n", version())
	if moved != "" {
		fmt.Fprintf(&b, "All ports are 3000 higher than usual: %s\n", moved)
	}
	b.WriteByte('\n')
	tab := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintln(tab, "DOOR\tSERVICE\tSECURITY\tADDRESS")
	for _, d := range s.Doors {
		fmt.Fprintf(tab, "%d\t%s\t%s\t%s\n", d.Port, d.Service, d.Security.Words(), strings.Join(d.Addresses, " "))
	}
	fmt.Fprintln(tab)
	_ = tab.Flush()

	tab = tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintf(tab, "Login\t%s\n", loginRule)
	fmt.Fprintf(tab, "\tfor example %s with %s\n", s.User, s.Password)
	fmt.Fprintf(tab, "CA file\t%s\n", s.CAFile)
	page := s.HTTP
	if page == "" {
		page = "off"
	}
	fmt.Fprintf(tab, "Web page\t%s\n", strings.TrimRight(page+" "+s.HTTPS, " "))
	if taken != "" {
		fmt.Fprintf(tab, "\t%s is taken, perhaps by another mailrig; use, sessions and other commands need --http %s\n", taken, strings.TrimPrefix(page, "http://"))
	}
	fmt.Fprintf(tab, "Memory\t%s at most; when full: %s\n", budget.FormatSize(s.Memory), whenFull(s.WhenFull))
	if s.Kept != nil {
		fmt.Fprintf(tab, "Kept\t%d messages in %s\n", *s.Kept, printableLine(s.Data))
	}
	if s.Seeded != nil {
		fmt.Fprintf(tab, "Mail\t%d messages loaded\n", *s.Seeded)
	}
	if len(active) == 0 {
		fmt.Fprintln(tab, "Scenarios\tnone: every door behaves correctly")
	}
	for i, sc := range active {
		head := "Scenarios"
		if i > 0 {
			head = ""
		}
		fmt.Fprintf(tab, "%s\t%s: %s\n", head, sc.Name, printableLine(sc.Title))
	}
	if s.RandomSeed > 0 {
		fmt.Fprintf(tab, "Chance\t--random-seed %d throws the dice in the same way again\n", s.RandomSeed)
	}
	for _, n := range notes {
		fmt.Fprintf(tab, "Note\t%s\n", printableLine(n))
	}
	_ = tab.Flush()
	b.WriteString("\nCtrl-C stops\n")
	_, err := b.WriteTo(w)
	return err
}

func whenFull(what string) string {
	if what == server.Evict {
		return "the oldest mail of the largest account goes"
	}
	return "mail is refused for the time being"
}
