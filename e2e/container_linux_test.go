package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestEmptyImage does what the Dockerfile does, without Docker: it runs the static binary alone in an empty root with
// an empty /tmp, as a user without a name. The binary must start, and must answer the image's health check.
func TestEmptyImage(t *testing.T) {
	t.Parallel()
	long(t) // the static binary must be built for it
	if os.Getuid() != 0 {
		t.Skip("chroot is for root")
	}
	root := t.TempDir()
	if err := os.Link(releaseBinary(t), filepath.Join(root, "mailrig")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{filepath.Dir(root), root, filepath.Join(root, "tmp")} {
		if err := os.Chmod(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	inside := func(cmd *exec.Cmd) {
		cmd.Path, cmd.Dir = "/mailrig", "/"
		cmd.Env = []string{"MAILRIG_HOST=0.0.0.0 ::"} // no PATH and no HOME: an image rarely has them
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	}
	r := startWith(t, inside)
	for _, wait := range []struct {
		http string
		code int
	}{{r.HTTP, 0}, {"127.0.0.1:1", 1}} {
		cmd := exec.Command("/mailrig", "wait", "--ready", "--timeout", "2s")
		inside(cmd)
		cmd.Env = []string{"MAILRIG_HTTP=" + wait.http}
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != wait.code {
			t.Errorf("health check of %s: %v, want status %d\n%s", wait.http, err, wait.code, out)
		}
	}
	r.CAFile = filepath.Join(root, r.CAFile)
	if filepath.Dir(r.CAFile) != filepath.Join(root, "tmp") {
		t.Errorf("the CA is in %s, not in the image's /tmp", r.CAFile)
	}
	goSends(t, r, way{465, "tls"}, "box@example.test", simple("a@example.test", "box@example.test", "in a box"))
	r.fetched("box@example.test", "Subject: in a box")
}
