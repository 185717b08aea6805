package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// node runs one of the Node scripts. They need "npm ci" in their folder.
func (r *rig) node(script string, stdin []byte, args ...string) result {
	r.t.Helper()
	need(r.t, "node")
	return r.runIn(invocation{program: "node", args: append([]string{nodeScript(r.t, script)}, args...), stdin: stdin})
}

// nodeScript returns the path of a script for Node.
func nodeScript(t testing.TB, name ...string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(append([]string{"node"}, name...)...))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// needNode skips the test, or in CI fails it, without Node or one of these modules.
func needNode(t testing.TB, modules ...string) {
	t.Helper()
	need(t, "node")
	for _, m := range modules {
		if _, err := os.Stat(filepath.Join("node", "node_modules", m)); err != nil {
			missing(t, m+" isn't installed (npm ci in e2e/node)")
		}
	}
}

func TestNode(t *testing.T) {
	t.Parallel()
	needNode(t, "nodemailer", "imapflow")
	r := start(t)
	r.blameless(t, "tls-needed", "left-before-starttls")
	t.Run("nodemailer and imapflow", func(t *testing.T) {
		for i, w := range sendWays {
			to := "node-" + w.String() + "@example.test"
			body := simple("bob@example.test", to, "by nodemailer")
			a := r.node("send.mjs", body, r.port(w.door), w.mode, r.CAFile, r.loginFor(w), "secret", "bob@example.test", to).answer()
			if !a.OK {
				t.Fatalf("%v: %+v", w, a)
			}
			in := imapWays[1+i%2]
			file := filepath.Join(t.TempDir(), "message")
			a = r.node("imap.mjs", nil, r.port(in.door), in.mode, r.CAFile, to, "secret", file).want(0).answer()
			if !a.OK {
				t.Fatalf("%v: %+v", in, a)
			}
			got, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, body)
		}
	})
	t.Run("nodemailer in clear at 587", func(t *testing.T) {
		a := r.node("send.mjs", simple("a@example.test", "b@example.test", "x"), r.port(587), "clear", r.CAFile, "alice", "secret", "a@example.test", "b@example.test").want(1).answer()
		if a.Code != 530 {
			t.Errorf("%+v, want 530", a)
		}
	})
}
