package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/testkit/golden"
)

// TestFindingsPage keeps docs/findings.md up to date with the table.
func TestFindingsPage(t *testing.T) {
	t.Parallel()
	const file = "../docs/findings.md"
	var b strings.Builder
	b.WriteString(`# Findings

<!-- Made by go test ./server -run FindingsPage -update. -->

What mailrig concludes from a client's sessions. ` + "`serve`" + ` prints errors and warnings below the session's line. ` + "`mailrig sessions`" + `
and the web page list findings, and ` + "`run`" + ` prints errors and warnings at its end. A Go test requires or forbids findings (mailtest's
Require and Forbid).

There are four severities. *error*: a password or a message is in danger, or nothing works. *warning*: it will hurt somebody
some day. *info*: worth knowing. *good*: as it should be; reported only on request. A title that begins with "Probably" is a
guess. mailrig fills in the words in braces from the session. *expected* means that a scenario's ` + "`expect`" + ` may name the finding.

The ids never change.
`)
	for _, severity := range []diagnose.Severity{diagnose.Error, diagnose.Warning, diagnose.Info, diagnose.Good} {
		fmt.Fprintf(&b, "\n## %s\n\n| id | what is said | advice | expected |\n|---|---|---|---|\n", severity)
		for _, r := range diagnose.Rows() {
			if r.Severity != severity {
				continue
			}
			expected := ""
			if r.Do != "" {
				expected = "yes"
			}
			said := "**" + cell(r.Title) + "**"
			if r.Explanation != "" {
				said += " " + cell(r.Explanation)
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.ID, said, cell(r.Advice), expected)
		}
	}
	golden.Check(t, file, b.String())
}

// cell formats text for a Markdown table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "\n", " ").Replace(s)
}
