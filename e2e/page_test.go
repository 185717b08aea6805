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
		env: []string{"CHROMIUM=" + chromium}, home: t.TempDir(), limit: 8 * patience,
	})
	t.Log(strings.TrimSpace(res.out))
	if res.code != 0 {
		t.Errorf("status %d\n%s", res.code, res.err)
	}
	if n := reached.Load(); n > 0 {
		t.Errorf("hostile mail has made %d connections", n)
	}
}
