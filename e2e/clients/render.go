package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/trial"
	"github.com/mailrig/mailrig/scenarios"
)

// folderOfPages has a page for each client.
const folderOfPages = "docs/clients"

// pages returns the overview and the page of each client, by their paths.
func pages(clients []Client, v *Verdicts, remarks string) map[string][]byte {
	all := map[string][]byte{page: overview(clients, v, remarks)}
	for _, c := range clients {
		all[filepath.ToSlash(filepath.Join(folderOfPages, c.slug()+".md"))] = about(c, v)
	}
	return all
}

// writePages writes all pages, and removes those of clients that are no longer there.
func writePages(all map[string][]byte) error {
	if err := os.MkdirAll(folderOfPages, 0o777); err != nil {
		return err
	}
	old, err := filepath.Glob(folderOfPages + "/*.md")
	if err != nil {
		return err
	}
	for _, file := range old {
		if all[filepath.ToSlash(file)] == nil {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	for file, text := range all {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// slug returns the client's name as the name of a file.
func (c *Client) slug() string {
	words := strings.FieldsFunc(strings.ToLower(c.Name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return strings.Join(words, "-")
}

func overview(clients []Client, v *Verdicts, remarks string) []byte {
	var b bytes.Buffer
	b.WriteString(`# Real clients, tried

How ` + "`mailrig trial`" + ` judges real mail programs, each with a careful setting and with careless ones that people use. The jobs
are in [e2e/clients](../e2e/clients): send a message, fetch a message, or both, as far as the program can.
` + "`go run ./e2e/clients -update`" + ` makes these pages. CI tries a part of it anew each time, and fails if a verdict differs.

"Fail" means that the program, used like this, doesn't do what the scenario expects of a good client. Often that isn't the program's
fault: a command-line program that sends one message to one port tries no other port, and leaves it to its caller to retry.
(` + "`--retries outside`" + ` passes it; these runs don't use it.) "Not exercised" means that the scenario told us nothing about this client.

`)
	b.WriteString(strings.TrimSpace(remarks) + "\n")
	b.WriteString("\n## The clients\n\nEach name leads to a page with what failed and why.\n\n| client | setting | passed | failed | not exercised |\n|---|---|---|---|---|\n")
	for _, c := range clients {
		n := v.counts(c, "")
		fmt.Fprintf(&b, "| [%s](clients/%s.md) | %s | %d of %d | %d | %d |\n", c.Name, c.slug(), c.Setting, n[trial.Pass], n[trial.Pass]+n.against(), n.against(), n[trial.NotExercised])
	}
	b.WriteString("\n## What careful settings fail at\n\nHow many of the careful clients fail for this reason, and in which scenarios.\n\n| reason | clients | scenarios |\n|---|---|---|\n")
	var careful []Client
	for _, c := range clients {
		if c.Careful() {
			careful = append(careful, c)
		}
	}
	for _, r := range v.reasons(careful) {
		fmt.Fprintf(&b, "| %s | %d of %d | %s |\n", r.text, len(r.clients), len(careful), links("", r.scenarios, 6))
	}
	return b.Bytes()
}

func about(c Client, v *Verdicts) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\nSetting: %s. The job is `%s`. What the words mean, and how this page is made: [Real clients, tried](../clients.md).\n\n", c.Name, c.Setting, c.Run)
	b.WriteString("| group | passed | |\n|---|---|---|\n")
	for _, group := range groups() {
		n := v.counts(c, group)
		if judged := n[trial.Pass] + n.against(); judged > 0 {
			full := (10*n[trial.Pass] + judged/2) / judged
			fmt.Fprintf(&b, "| %s | %d of %d | %s%s |\n", group, n[trial.Pass], judged, strings.Repeat("█", full), strings.Repeat("░", 10-full))
		}
	}
	b.WriteString("\n## What failed\n\n")
	found := v.reasons([]Client{c})
	for _, r := range found {
		fmt.Fprintf(&b, "- **%s** (%d): %s\n", strings.ToUpper(r.text[:1])+r.text[1:], len(r.scenarios), links("../", r.scenarios, 0))
	}
	if len(found) == 0 {
		b.WriteString("Nothing.\n")
	}
	for _, part := range []struct {
		title   string
		verdict trial.Verdict
	}{{"What passed", trial.Pass}, {"What wasn't exercised", trial.NotExercised}} {
		var names []string
		for _, s := range catalogue() {
			if v.of(c, s.Name).Verdict == part.verdict {
				names = append(names, s.Name)
			}
		}
		if len(names) > 0 {
			fmt.Fprintf(&b, "\n## %s\n\n%s\n", part.title, links("../", names, 0))
		}
	}
	return b.Bytes()
}

// counts are how often each verdict was given.
type counts map[trial.Verdict]int

func (n counts) against() int { return n[trial.Fail] + n[trial.CouldNotRun] }

// counts counts a client's verdicts in a group; "" stands for all.
func (v *Verdicts) counts(c Client, group string) counts {
	n := counts{}
	for _, s := range catalogue() {
		if group == "" || s.Group == group {
			n[v.of(c, s.Name).Verdict]++
		}
	}
	return n
}

// reason is why some clients failed under some scenarios.
type reason struct {
	text               string
	clients, scenarios []string
}

// reasons groups the failures of clients by their first reason, the commonest first.
func (v *Verdicts) reasons(clients []Client) (all []*reason) {
	for _, s := range catalogue() {
		for _, c := range clients {
			why := v.of(c, s.Name).Why
			if why == "" {
				continue
			}
			text := general(why)
			i := slices.IndexFunc(all, func(r *reason) bool { return r.text == text })
			if i < 0 {
				i = len(all)
				all = append(all, &reason{text: text})
			}
			if !slices.Contains(all[i].scenarios, s.Name) {
				all[i].scenarios = append(all[i].scenarios, s.Name)
			}
			if !slices.Contains(all[i].clients, c.Name) {
				all[i].clients = append(all[i].clients, c.Name)
			}
		}
	}
	slices.SortStableFunc(all, func(x, y *reason) int {
		return cmp.Or(cmp.Compare(len(y.clients), len(x.clients)), cmp.Compare(len(y.scenarios), len(x.scenarios)))
	})
	return all
}

// general returns the first of the stored reasons in words, without what differs from scenario to scenario.
func general(why string) string {
	first, _, _ := strings.Cut(why, "; ")
	if row, ok := diagnose.Lookup(first); ok {
		return fmt.Sprintf("must not %s (`%s`)", row.Do, first)
	}
	for _, at := range []string{", but", ": ", " after 2"} {
		first, _, _ = strings.Cut(first, at)
	}
	return first
}

// links returns the names of scenarios as links to the catalogue; up is the way to docs. Of more than most names it counts the
// rest; 0 means all.
func links(up string, names []string, most int) string {
	var parts []string
	for i, name := range names {
		if most > 0 && i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(names)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("[%s](%scatalogue/%s.md#%s)", name, up, groupOf()[name], name))
	}
	return strings.Join(parts, ", ")
}

// catalogue is scenarios.All, which makes a new list each time.
var catalogue = sync.OnceValue(scenarios.All)

var groupOf = sync.OnceValue(func() map[string]string {
	of := map[string]string{}
	for _, s := range catalogue() {
		of[s.Name] = s.Group
	}
	return of
})

func groups() (all []string) {
	seen := map[string]bool{}
	for _, s := range catalogue() {
		seen[s.Group] = true
	}
	for _, g := range []string{"network", "mismatch", "starttls", "certificate", "auth", "oauth", "smtp", "imap", "pop3", "provider"} {
		if seen[g] {
			all = append(all, g)
		}
	}
	return all
}
