package scenarios

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/testkit/golden"
)

// TestCataloguePages keeps docs/catalogue up to date with the files.
func TestCataloguePages(t *testing.T) {
	t.Parallel()
	const dir = "../docs/catalogue"
	var index bytes.Buffer
	index.WriteString("# The catalogue\n\n<!-- Made by go test ./scenarios -update. -->\n\n")
	total := 0
	for _, g := range groups {
		n := 0
		for _, s := range All() {
			if s.Group == g.name {
				n++
			}
		}
		total += n
		fmt.Fprintf(&index, "- [%s](%s.md): %d\n", g.title, g.name, n)
		golden.Check(t, filepath.Join(dir, g.name+".md"), string(markdown(g.name, g.title)))
	}
	if total != len(All()) {
		t.Errorf("%d scenarios are in groups that groups lists, %d there are", total, len(All()))
	}
	fmt.Fprintf(&index, "\n%d scenarios. `mailrig scenarios` lists them, `mailrig scenarios show NAME` explains one.\n", total)
	golden.Check(t, filepath.Join(dir, "README.md"), index.String())
}

// group is a folder of the catalogue.
type group struct{ name, title string }

// groups are the folders of the catalogue, in the order of a connection's life.
var groups = []group{
	{"network", "What networks do"},
	{"mismatch", "Ports that speak something else"},
	{"starttls", "STARTTLS"},
	{"certificate", "Certificates and TLS"},
	{"auth", "Logins"},
	{"oauth", "Signing in with OAuth"},
	{"smtp", "SMTP"},
	{"imap", "IMAP"},
	{"pop3", "POP3"},
	{"provider", "Providers"},
}

// markdown returns the page of a group in docs/catalogue.
func markdown(group, title string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\n<!-- Made from scenarios/catalogue/%s by go test ./scenarios -update. -->\n", title, group)
	var here []*Scenario
	for _, s := range All() {
		if s.Group == group {
			here = append(here, s)
		}
	}
	if here == nil {
		return nil
	}
	fmt.Fprintf(&b, "\n%d scenarios:\n\n", len(here))
	for _, s := range here {
		fmt.Fprintf(&b, "- [%s](#%s): %s\n", s.Name, s.Name, strings.TrimSuffix(visible(s.Title), "."))
	}
	for _, s := range here {
		fmt.Fprintf(&b, "\n## %s\n\n**%s.** %s\n\n", s.Name, strings.TrimSuffix(visible(s.Title), "."), strings.Join(strings.Fields(visible(s.Story)), " "))
		for i := range s.Rules {
			fmt.Fprintf(&b, "- %s\n", strings.Join(strings.Fields(s.sentence(&s.Rules[i])), " "))
		}
		must, mustNot := s.Expect.musts(false)
		for _, e := range []struct {
			lead  string
			texts []string
		}{{"A good client must", must}, {"A good client must not", mustNot}} {
			if len(e.texts) > 0 {
				fmt.Fprintf(&b, "\n%s: %s.\n", e.lead, visible(strings.Join(e.texts, "; ")))
			}
		}
	}
	return b.Bytes()
}
