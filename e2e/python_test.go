package e2e

import (
	"fmt"
	"testing"
)

// TestPython tours IMAP and POP3 with the standard library. The matrix has smtplib.
func TestPython(t *testing.T) {
	t.Parallel()
	need(t, "python3")
	r := start(t)
	r.blameless(t, "delivered-twice")
	for _, w := range imapWays {
		t.Run("imaplib "+w.String(), func(t *testing.T) {
			t.Parallel()
			r := r.in(t)
			user := "imaplib-" + w.String()
			r.python("imap.py", nil, r.port(w.door), w.mode, r.CAFile, user, "secret", "tour").want(0)
			draft := nasty("a draft", 998)
			file := write(t, t.TempDir(), "draft", draft)
			r.python("imap.py", nil, r.port(w.door), w.mode, r.CAFile, user, "secret", "append", file).want(0)
			diff(t, r.newest(user, "Drafts"), draft)
		})
	}
	for _, w := range popWays {
		t.Run("poplib "+w.String(), func(t *testing.T) {
			t.Parallel()
			r := r.in(t)
			user := "poplib-" + w.String() + "@example.test"
			for i := range 3 {
				r.python("smtp.py", simple("bob@example.test", user, fmt.Sprint(i)), r.port(25), "clear", r.CAFile, "", "", "bob@example.test", user).want(0)
			}
			r.python("pop3.py", nil, r.port(w.door), w.mode, r.CAFile, user, "secret", "tour").want(0)
		})
	}
	t.Run("many messages on one connection", func(t *testing.T) {
		t.Parallel()
		r := r.in(t)
		r.python("smtp.py", simple("bob@example.test", "many@example.test", "again"), r.port(587), "starttls", r.CAFile,
			"bob", "secret", "bob@example.test", "many@example.test", "50").want(0)
		if n := len(r.messages("many@example.test")); n != 50 {
			t.Errorf("%d of 50 messages arrived", n)
		}
	})
}
