package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/diagnose"
)

// TestMadeByHand has real programs send what a person or a script has put together wrongly, and checks that mailrig names it.
// The near miss of each is the same program with the same settings and the right text.
func TestMadeByHand(t *testing.T) {
	t.Parallel()
	const header = "From: alice@example.test\nDate: Tue, 24 Nov 2026 10:00:00 +0000\nMessage-ID: <1@example.test>\n"
	swaks := func(more ...string) func(*rig) {
		return func(r *rig) {
			args := []string{"--server", r.local(465), "--tlsc", "--tls-verify", "--tls-ca-path", r.CAFile, "--auth", "PLAIN", "--auth-user", "alice@example.test",
				"--auth-password", "secret", "--from", "alice@example.test", "--to", "bob@example.test", "--ehlo", "client.example.test"}
			r.run("swaks", append(args, more...)...)
		}
	}
	curl := func(command string) func(*rig) {
		return func(r *rig) { r.curl("--user", "alice:secret", "-X", command, "imaps://"+r.local(993)+"/INBOX") }
	}
	for _, c := range []struct {
		name, program string
		wrong, right  func(*rig)
		id, says      string
		severity      diagnose.Severity
	}{
		{"a folder's name isn't quoted", "curl", curl("STATUS Our Projects (MESSAGES)"), curl(`STATUS "INBOX" (MESSAGES)`), "malformed-command", `"Our Projects" has a space`, diagnose.Error},
		{"a word for a number", "curl", curl("FETCH None (FLAGS)"), curl("SEARCH ALL"), "malformed-command", `"None" isn't a message number`, diagnose.Error},
		{"an underscore", "swaks", swaks("--ehlo", "build_host"), swaks(), "hello-name", "no underscore", diagnose.Warning},
		{"an address without brackets", "swaks", swaks("--ehlo", "192.0.2.7"), swaks("--ehlo", "[192.0.2.7]"), "hello-name", "square brackets", diagnose.Warning},
		{"Bcc", "swaks", swaks("--data", header+"Bcc: carol@example.test\n\nhi\n", "--to", "bob@example.test,carol@example.test"),
			swaks("--data", header+"\nhi\n", "--to", "bob@example.test,carol@example.test"), "bcc-in-message", "carol@example.test", diagnose.Error},
		{"two of From", "swaks", swaks("--data", header+"From: bob@example.test\n\nhi\n"), swaks("--data", header+"\nhi\n"), "header-repeated", "has From more than once", diagnose.Warning},
		{"no From", "swaks", swaks("--data", "Subject: x\n\nhi\n"), swaks("--data", header+"\nhi\n"), "header-missing", "no From, Date or Message-ID", diagnose.Warning},
		{"a long line", "swaks", swaks("--data", header+"\n"+strings.Repeat("x", 1200)+"\n"), swaks("--data", header+"\n"+strings.Repeat("x", 998)+"\n"), "line-too-long", "1200", diagnose.Warning},
		{"a multipart without its end", "swaks", swaks("--data", header+"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhi\n"),
			swaks("--data", header+"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhi\n--b--\n"), "multipart-not-closed", "boundary b,", diagnose.Warning},
		{"a date of another form", "swaks", swaks("--data", strings.Replace(header, "Tue, 24 Nov 2026 10:00:00 +0000", "2026-11-24 10:00", 1)+"\nhi\n"), swaks("--data", header+"\nhi\n"),
			"date-unreadable", "2026-11-24 10:00", diagnose.Warning},
		{"a recipient whom nobody knows", "swaks", swaks("--to", "reply+550+5.1.1@example.test"), swaks(), "refused-for-good", "There is no mailbox with this address", diagnose.Info},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			need(t, c.program)
			wrong := start(t)
			c.wrong(wrong)
			found := wrong.findings(t)
			if i := slices.IndexFunc(found, func(f diagnose.Finding) bool { return f.ID == c.id }); i < 0 {
				t.Errorf("no %s but\n%s", c.id, show(found))
			} else if f := found[i]; f.Severity != c.severity || !strings.Contains(f.Title+" "+f.Explanation, c.says) {
				t.Errorf("want %s with %q, got %s:\n%s", c.severity, c.says, f.Severity, show(found[i:i+1]))
			}
			right := start(t)
			c.right(right)
			if found := bad(right.findings(t), diagnose.Warning); len(found) > 0 {
				t.Errorf("nothing is wrong, and mailrig says\n%s", show(found))
			}
		})
	}
}
