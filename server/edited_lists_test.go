package server

import (
	"fmt"
	"strings"
	"testing"
)

// TestEditedListsAreMarked checks that a list of capabilities which a scenario has changed is recorded as the scenario's in every
// protocol, IMAP's greeting included, and a list that is as it was isn't.
func TestEditedListsAreMarked(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		protocol string
		door     int
		asks     string
		replies  int // with a list
	}{{"smtp", 25, "EHLO client.test", 1}, {"imap", 143, "a CAPABILITY", 2}, {"pop3", 110, "CAPA", 1}} {
		for rules, want := range map[string]string{
			"- {hide: [STARTTLS, STLS]}\n":                "toy",
			"- {match: {door: 2525}, hide: [STARTTLS]}\n": "",
		} {
			s := startToy(t, rules)
			c := dialToy(t, s, tc.door)
			greeting, _ := c.lines.ReadString('\n')
			fmt.Fprint(c, tc.asks+"\r\n")
			for line := ""; !strings.HasPrefix(line, "250 ") && !strings.HasPrefix(line, "a OK") && line != ".\r\n"; {
				var err error
				if line, err = c.lines.ReadString('\n'); err != nil {
					t.Fatalf("%s: %v after %q", tc.protocol, err, greeting)
				}
			}
			c.Close()
			lists := 0
			for _, u := range ended(t, s, tc.protocol).Units {
				if strings.Contains(u.Text, "PIPELINING") || strings.Contains(u.Text, "CAPABILITY IMAP4rev1") {
					if lists++; u.Injected != want {
						t.Errorf("%s: %q is marked as from %q, not from %q", tc.protocol, u.Text, u.Injected, want)
					}
				}
			}
			if lists != tc.replies {
				t.Errorf("%s: %d lists, not %d", tc.protocol, lists, tc.replies)
			}
		}
	}
}
