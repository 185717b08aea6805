package e2e

import (
	"strings"

	"github.com/emersion/go-imap/v2"
)

// newest returns the newest message in a folder (by default INBOX), read by Go's client at door 993.
func (r *rig) newest(user string, folder ...string) []byte {
	r.t.Helper()
	all := r.messages(user, folder...)
	if len(all) == 0 {
		r.t.Fatalf("no message for %s", user)
	}
	return all[len(all)-1]
}

// messages returns all messages in a folder, oldest first.
func (r *rig) messages(user string, folder ...string) [][]byte {
	r.t.Helper()
	c := r.imapClient(r.t, way{993, "tls"}, user, nil)
	defer c.Close()
	name := "INBOX"
	if len(folder) > 0 {
		name = folder[0]
	}
	data, err := c.Select(name, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		r.t.Fatal(err)
	}
	if data.NumMessages == 0 {
		return nil
	}
	section := &imap.FetchItemBodySection{Peek: true}
	var all imap.SeqSet
	all.AddRange(1, 0)
	got, err := c.Fetch(all, &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	if err != nil {
		r.t.Fatal(err)
	}
	var bodies [][]byte
	for _, m := range got {
		bodies = append(bodies, m.FindBodySection(section))
	}
	return bodies
}

// fetched checks that the newest message in INBOX contains all of these.
func (r *rig) fetched(user string, parts ...string) {
	r.t.Helper()
	m := string(r.newest(user))
	for _, p := range parts {
		if !strings.Contains(m, p) {
			r.t.Fatalf("the message for %s lacks %q:\n%s", user, p, clip(m))
		}
	}
}
