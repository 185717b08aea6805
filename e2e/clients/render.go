package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/mailrig/mailrig/internal/trial"
	"github.com/mailrig/mailrig/scenarios"
)

var signs = map[trial.Verdict]string{trial.Pass: "✓", trial.Fail: "✗", trial.NotExercised: "", trial.CouldNotRun: "?"}

// render returns docs/clients.md.
func render(clients []Client, v *Verdicts, remarks string) []byte {
	var b bytes.Buffer
	b.WriteString(`# Real clients, tried

How ` + "`mailrig trial`" + ` judges real mail programs, each with a careful setting and with careless ones that people use. The jobs
are in [e2e/clients](../e2e/clients): send a message, fetch a message, or both, as far as the program can.
` + "`go run ./e2e/clients -update`" + ` makes this page. CI tries a part of it anew each time, and fails if a verdict differs.

✓ pass, ✗ fail, ? could not run. An empty cell means not exercised: the scenario told us nothing about this client. "Fail"
means that the program, used like this, doesn't do what the scenario expects of a good client. Often that isn't the program's
fault: a command-line program that sends one message to one port tries no other port, and leaves it to its caller to retry.

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
