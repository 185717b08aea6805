package e2e

import (
	"flag"
	"fmt"
	"net/smtp"
	"path/filepath"
	"testing"
)

var timed = flag.Bool("timed", false, "TestPageKeepsUp fills the rig with 10,000 messages and 1,000 sessions, and prints how fast the page is")

// TestPageKeepsUp looks with a real browser whether the page keeps up: with a rig that has much in it, with 200 messages a second, and
// after a sleep. It fails only if something isn't there in the end. With -timed it prints how long all of it took (docs/performance.md).
func TestPageKeepsUp(t *testing.T) {
	sessions, messages, how := 30, 5, "conditions"
	if *timed {
		sessions, messages, how = 1000, 10, "timed"
	} else {
		t.Parallel()
		long(t)
	}
	chromium := browser(t)
	needNode(t, "nodemailer")
	r := start(t)
	for i := range sessions {
		sendMany(t, r, i, messages)
	}
	script, err := filepath.Abs(filepath.Join("node", "page", "speed.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	res := execute(t, invocation{program: "node", args: []string{script, r.HTTP, r.port(25), how}, env: []string{"CHROMIUM=" + chromium}, home: t.TempDir(), limit: 10 * patience})
	t.Log(res.out)
	if res.code != 0 {
		t.Errorf("status %d\n%s", res.code, res.err)
	}
}

// sendMany sends messages in one session.
func sendMany(t *testing.T, r *rig, session, messages int) {
	t.Helper()
	c, err := smtp.Dial(r.local(25))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range messages {
		message := fmt.Sprintf("From: Shop <shop@example.test>\r\nTo: alice@example.test\r\nSubject: Your order %d of session %d\r\n\r\nThank you.\r\n", i, session)
		if err := c.Mail("shop@example.test"); err != nil {
			t.Fatal(err)
		}
		if err := c.Rcpt("alice@example.test"); err != nil {
			t.Fatal(err)
		}
		w, err := c.Data()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(message)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Quit(); err != nil {
		t.Fatal(err)
	}
}
