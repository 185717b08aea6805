package setup_test

import (
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/setup"
)

func target(protocols ...string) *setup.Target {
	t := &setup.Target{Host: "localhost", User: "alice@example.test", Password: "secret", CA: "mailrig-ca.pem", Doors: map[string]*setup.Door{}}
	for _, p := range protocols {
		t.Doors[p] = &setup.Door{Port: "3" + p, STARTTLS: p == "smtp", Login: true}
	}
	return t
}

// TestEveryClient checks that each client has something for a complete mailrig, with the host in it, and each snippet a port.
func TestEveryClient(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range setup.Clients() {
		if seen[c.ID] || setup.Find(c.ID) != c {
			t.Errorf("%s: two clients have this ID", c.ID)
		}
		seen[c.ID] = true
		g, err := c.For(target("smtp", "imap", "pop3"))
		if err != nil {
			t.Fatal(err)
		}
		if len(g.Snippets) == 0 && len(g.Groups) == 0 {
			t.Errorf("%s: nothing", c.ID)
		}
		for _, s := range g.Snippets {
			for _, protocol := range s.Uses {
				if !strings.Contains(s.Text, "3"+protocol) || !strings.Contains(s.Text, "localhost") {
					t.Errorf("%s, %s: no host, or no port for %s", c.ID, s.File, protocol)
				}
			}
		}
		for _, g := range g.Groups {
			if len(g.Rows) == 0 && len(g.Steps) == 0 || len(g.Rows) > 0 && g.Rows[0] != [2]string{"Server", "localhost"} {
				t.Errorf("%s, %s: %v", c.ID, g.Title, g.Rows)
			}
		}
	}
}

// TestWithoutDoors checks that what has no door is left out, and that nothing fails without any.
func TestWithoutDoors(t *testing.T) {
	t.Parallel()
	g, err := setup.Find("python").For(target("imap"))
	if err != nil || len(g.Snippets) != 1 || g.Snippets[0].File != "read.py" {
		t.Errorf("%+v %v, want read.py alone", g.Snippets, err)
	}
	for _, c := range setup.Clients() {
		if g, err := c.For(target()); err != nil || len(g.Snippets)+len(g.Groups) > 0 {
			t.Errorf("%s: %v %v", c.ID, g, err)
		}
	}
}

// TestAddressInURL checks that an IPv6 address has brackets where it stands before a port, and only there.
func TestAddressInURL(t *testing.T) {
	t.Parallel()
	to := target("smtp", "imap", "pop3")
	to.Host = "2001:db8::1"
	g, err := setup.Find("go").For(to)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`smtp.Dial("[2001:db8::1]:3smtp")`, `ServerName: "2001:db8::1"`} {
		if !strings.Contains(g.Snippets[0].Text, want) {
			t.Errorf("no %s in\n%s", want, g.Snippets[0].Text)
		}
	}
}
