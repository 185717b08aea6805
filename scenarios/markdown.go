package scenarios

import (
	"bytes"
	"fmt"
	"strings"
)

// Group is a folder of the catalogue.
type Group struct{ Name, Title string }

// Groups are the folders of the catalogue, in the order of a connection's life.
var Groups = []Group{
	{"network", "What networks do"},
	{"mismatch", "Ports that speak something else"},
	{"starttls", "STARTTLS"},
	{"certificate", "Certificates and TLS"},
	{"auth", "Logins"},
	{"smtp", "SMTP"},
	{"imap", "IMAP"},
	{"pop3", "POP3"},
	{"provider", "Providers"},
}

// Markdown is the page of a group in docs/catalogue.
func Markdown(group, title string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\n<!-- Made from scenarios/catalogue/%s by go test ./scenarios -update. -->\n", title, group)
	n := 0
	for _, s := range All() {
		if s.Group != group {
			continue
		}
		n++
		fmt.Fprintf(&b, "\n## %s\n\n**%s.** %s\n\n", s.Name, strings.TrimSuffix(s.Title, "."), strings.Join(strings.Fields(s.Story), " "))
		for i := range s.Rules {
			fmt.Fprintf(&b, "- %s\n", strings.Join(strings.Fields(sentence(&s.Rules[i])), " "))
		}
		must, mustNot := s.Expect.musts(false)
		for _, e := range []struct {
			lead  string
			texts []string
		}{{"A good client must", must}, {"A good client must not", mustNot}} {
			if len(e.texts) > 0 {
				fmt.Fprintf(&b, "\n%s: %s.\n", e.lead, strings.Join(e.texts, "; "))
			}
		}
	}
	if n == 0 {
		return nil
	}
	return b.Bytes()
}
