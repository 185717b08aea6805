package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestWebDeveloper runs the tests that docs/http.md shows, in Python and in Node, ten of them at once on one rig. Each
// deletes only its own mail.
func TestWebDeveloper(t *testing.T) {
	t.Parallel()
	need(t, "python3", "node")
	r := start(t)
	var env []string
	for _, d := range r.Doors {
		host, port, err := net.SplitHostPort(d.Address)
		if err != nil {
			t.Fatal(err)
		}
		if d.Port == 25 {
			env = []string{"MAILRIG_HTTP=" + r.HTTP, "MAILRIG_HOST=" + host, "MAILRIG_PORT_25=" + port}
		}
	}
	docs, err := os.ReadFile("../docs/http.md")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for program, script := range map[string]string{"python3": "sign_up.py", "node": "sign_up.mjs"} {
		path, err := filepath.Abs(filepath.Join("testdata", "web", script))
		if err != nil {
			t.Fatal(err)
		}
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(docs), string(source)) {
			t.Errorf("docs/http.md doesn't show %s as it is", script)
		}
		for i := range 5 {
			i := invocation{program: program, args: []string{path, fmt.Sprintf("%s%d@example.test", program, i)}, env: env, home: t.TempDir()}
			wg.Go(func() {
				if res := execute(t, i); res.code != 0 {
					t.Errorf("%s: status %d\n%s", res.line, res.code, res.err)
				}
			})
		}
	}
	wg.Wait()
}
