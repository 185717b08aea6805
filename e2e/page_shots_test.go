package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var screenshots = flag.String("screenshots", "", "TestScreenshots takes pictures of the page and writes them into this `folder`")

// TestScreenshots takes the pictures in docs/page (make screenshots): of a rig at which real clients have done what they do, right and
// wrong.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("make screenshots takes them")
	}
	chromium := browser(t)
	need(t, "curl", "swaks", "python3")
	dir := t.TempDir()
	report := filepath.Join(dir, "trial.html")
	send := `printf 'Subject: hi\r\n\r\nhello\r\n' | curl -sS --connect-timeout 2 --ssl --insecure --url smtp://localhost:$MAILRIG_PORT_587 --user alice:secret --mail-from a@example.test --mail-rcpt b@example.test -T -`
	execute(t, invocation{program: binary, limit: 4 * patience, args: []string{
		"trial", "--scenario", "auth/*,certificate/*,starttls/*,greylisting", "--report", report, "--", "sh", "-c", send,
	}})
	r := start(t)
	r.happens(t, dir)
	folder, err := filepath.Abs(*screenshots)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs(filepath.Join("node", "page", "shots.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	execute(t, invocation{program: "node", args: []string{script, r.HTTP, report, folder}, env: []string{"CHROMIUM=" + chromium}, home: dir, limit: 4 * patience}).want(0)
}

// happens lets clients do what the pictures show.
func (r *rig) happens(t *testing.T, dir string) {
	t.Helper()
	letter := func(from, subject, html string) string {
		text := fmt.Sprintf("From: %s\r\nTo: Alice <alice@example.test>\r\nSubject: %s\r\nDate: Thu, 26 Nov 2026 15:30:00 +0000\r\nMessage-ID: <%s@example.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n%s\r\n",
			from, subject, strings.ReplaceAll(strings.ToLower(subject), " ", "-"), html)
		return write(t, dir, "letter", []byte(text))
	}
	for _, l := range [][3]string{
		{"Calendar <calendar@example.test>", "Tomorrow: release meeting", "<p>10:00, room 4.</p>"},
		{"Billing <billing@shop.example.test>", "Invoice 4711", "<p>The invoice is attached.</p>"},
		{"Shop <shop@shop.example.test>", "Your code is 493021", `<h2>Your code is 493021</h2><p>It is good for ten minutes. Or <a href="https://shop.example.test/confirm?u=alice">confirm here</a>.</p><img src="https://track.example.test/pixel.png" alt="">`},
	} {
		r.curlSend(way{587, "starttls"}, "shop@example.test", "alice@example.test", letter(l[0], l[1], l[2])).want(0)
	}
	r.run("curl", "-sS", "--cacert", r.CAFile, "--user", "alice@example.test:secret", "imaps://localhost:"+r.port(993)+"/INBOX;MAILINDEX=3").want(0)
	r.use("greylisting")
	r.swaks(way{587, "starttls"}, "bob@example.test")
	r.swaks(way{587, "starttls"}, "bob@example.test")
	r.run("curl", "-sS", "--insecure", "imaps://localhost:"+r.port(143), "--user", "alice:secret")
	r.run("curl", "-sS", "imap://localhost:"+r.port(143), "--user", "alice:secret")
}
