package e2e

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// browser returns the path of a Chromium, or skips the test.
func browser(t testing.TB) string {
	t.Helper()
	needNode(t)
	for _, m := range []string{"playwright-core", "axe-core"} {
		if _, err := os.Stat(filepath.Join("node", "node_modules", m)); err != nil {
			missing(t, m+" isn't installed (npm ci in e2e/node)")
		}
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, "chromium isn't installed")
	return ""
}

// TestPage looks at the page with a real browser. Nothing in hostile mail may reach the server that it names: that is seen
// here, from outside.
func TestPage(t *testing.T) {
	t.Parallel()
	long(t)
	chromium := browser(t)
	need(t, "curl")
	r := start(t)
	stranger, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	var reached atomic.Int64
	go func() {
		for {
			c, err := stranger.Accept()
			if err != nil {
				return
			}
			reached.Add(1)
			c.Close()
		}
	}()
	ports := map[int]string{}
	for _, d := range r.Doors {
		_, ports[d.Port], err = net.SplitHostPort(d.Address)
		if err != nil {
			t.Fatal(err)
		}
	}
	list, err := json.Marshal(ports)
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs(filepath.Join("node", "page", "tour.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	res := execute(t, invocation{
		program: "node", args: []string{script, r.HTTP, string(list), stranger.Addr().String()},
		env: []string{"CHROMIUM=" + chromium}, home: t.TempDir(), limit: 16 * patience, // axe examines 14 views in three looks
	})
	t.Log(strings.TrimSpace(res.out))
	if res.code != 0 {
		t.Errorf("status %d\n%s", res.code, res.err)
	}
	if n := reached.Load(); n > 0 {
		t.Errorf("hostile mail has made %d connections", n)
	}
}

// TestPageFiles looks with a real browser at the pages that are files: a trial's report, and a session to hand on.
func TestPageFiles(t *testing.T) {
	t.Parallel()
	long(t)
	chromium := browser(t)
	need(t, "curl")
	dir := t.TempDir()
	report, session := filepath.Join(dir, "trial.html"), filepath.Join(dir, "session.html")
	send := `printf 'Subject: hi\r\n\r\nhello\n' | curl -sS --connect-timeout 2 --ssl --insecure --url smtp://localhost:%s --user alice:secret --mail-from a@example.test --mail-rcpt b@example.test -T -`
	execute(t, invocation{program: binary, limit: 4 * patience, args: []string{
		"trial", "--scenario", "greylisting,auth-wrong-password,starttls-stripped,cert-expired,port-25-blocked", "--report", report, "--", "sh", "-c", strings.Replace(send, "%s", "$MAILRIG_PORT_587", 1),
	}}).want(1)
	r := start(t, "--scenario", "greylisting")
	r.run("sh", "-c", strings.Replace(send, "%s", r.port(587), 1)).want(55) // greylisted
	r.run(binary, "sessions", "--http", r.HTTP, "1", "--html", session).want(0)
	script, err := filepath.Abs(filepath.Join("node", "page", "files.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	res := execute(t, invocation{program: "node", args: []string{script, report, session}, env: []string{"CHROMIUM=" + chromium}, home: dir, limit: 4 * patience})
	if res.code != 0 {
		t.Errorf("status %d\n%s\n%s", res.code, res.out, res.err)
	}
}
