package server_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/diagnose"
)

var update = flag.Bool("update", false, "write docs/findings.md anew")

// TestFindingsPage keeps docs/findings.md in step with the table.
func TestFindingsPage(t *testing.T) {
	t.Parallel()
	const file = "../docs/findings.md"
	var b strings.Builder
	b.WriteString(`# Findings

<!-- Made by go test ./server -run FindingsPage -update. -->

What mailrig makes of a client's sessions. ` + "`serve`" + ` prints errors and warnings below the session's line, ` + "`mailrig sessions`" + ` and
the web page list them, ` + "`run`" + ` ends with them, and a Go test requires or forbids them (mailtest's Require and Forbid).
Severities: *error*: a password or a message is in danger, or nothing works; *warning*: it will hurt somebody, some day;
*info*: worth knowing; *good*: as it should be, told only to who asks for it. A title that begins with "Probably" is a
guess. Words in braces are filled in from the session. *expected* means that a scenario's ` + "`expect`" + ` may name it.

The ids don't change.
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
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != b.String() {
		t.Errorf("%s isn't what the table says (%v); run go test ./server -run FindingsPage -update", file, err)
	}
}

// cell is text for a table of Markdown.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "\n", " ").Replace(s)
}
