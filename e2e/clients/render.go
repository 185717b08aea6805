package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/mailrig/mailrig/internal/trial"
	"github.com/mailrig/mailrig/scenarios"
)

var signs = map[trial.Verdict]string{trial.Pass: "✓", trial.Fail: "✗", trial.NotExercised: "", trial.CouldNotRun: "?"}

// render makes docs/clients.md.
func render(clients []Client, v *Verdicts, remarks string) []byte {
	var b bytes.Buffer
	b.WriteString(`# Real clients, tried

What ` + "`mailrig trial`" + ` makes of real mail programs, each with a careful setting and with careless ones that people use. The
jobs are in [e2e/clients](../e2e/clients): send one message, fetch one, whatever the program can. ` + "`go run ./e2e/clients -update`" + `
makes this page; CI tries a part of it anew each time and fails on what differs.

✓ pass, ✗ fail, ? could not run; an empty cell: not exercised, the client never met the scenario. "Fail" means that the
program, used like this, doesn't do what the scenario expects of a good client. Much of that is no fault of its own: a
command-line program that sends one message to one port doesn't try another port, and leaves trying again to its caller.

| | client | setting | ✓ | ✗ | not exercised |
|---|---|---|---|---|---|
`)
	for i, c := range clients {
		counts := map[trial.Verdict]int{}
		for _, s := range scenarios.All() {
			counts[v.of(c, s.Name).Verdict]++
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %d | %d | %d |\n", i+1, c.Name, c.Setting, counts[trial.Pass], counts[trial.Fail], counts[trial.NotExercised])
	}
	b.WriteString("\n" + strings.TrimSpace(remarks) + "\n")
	for _, group := range groups() {
		fmt.Fprintf(&b, "\n## %s\n\n| scenario |", group)
		for i := range clients {
			fmt.Fprintf(&b, " %d |", i+1)
		}
		b.WriteString("\n|---|" + strings.Repeat("---|", len(clients)) + "\n")
		for _, s := range scenarios.All() {
			if s.Group != group {
				continue
			}
			fmt.Fprintf(&b, "| [%s](catalogue/%s.md#%s) |", s.Name, s.Group, s.Name)
			for _, c := range clients {
				fmt.Fprintf(&b, " %s |", signs[v.of(c, s.Name).Verdict])
			}
			b.WriteString("\n")
		}
	}
	b.WriteString("\n## Why they failed\n\n")
	for _, s := range scenarios.All() {
		why := map[string][]string{}
		var order []string
		for i, c := range clients {
			if text := v.of(c, s.Name).Why; text != "" {
				if why[text] == nil {
					order = append(order, text)
				}
				why[text] = append(why[text], fmt.Sprint(i+1))
			}
		}
		for _, text := range order {
			fmt.Fprintf(&b, "- %s, %s: %s\n", s.Name, strings.Join(why[text], " "), text)
		}
	}
	return b.Bytes()
}

func groups() (all []string) {
	seen := map[string]bool{}
	for _, s := range scenarios.All() {
		seen[s.Group] = true
	}
	for _, g := range []string{"network", "mismatch", "starttls", "certificate", "auth", "smtp", "imap", "pop3", "provider"} {
		if seen[g] {
			all = append(all, g)
		}
	}
	return all
}
