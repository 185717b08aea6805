package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// emptyRoot is a directory that is / for the programs inside. It has a place for temporary files, and nothing else: no C library,
// no shell, no certificates.
type emptyRoot struct {
	t   *testing.T
	dir string
}

func newRoot(t *testing.T) *emptyRoot {
	t.Helper()
	if os.Getuid() != 0 {
		missing(t, "chroot is for root")
	}
	dir, err := os.MkdirTemp("", "mailrig-root-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]fs.FileMode{dir: 0o755, filepath.Join(dir, "tmp"): 0o777 | fs.ModeSticky} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	return &emptyRoot{t, dir}
}

// takesDebian makes what dpkg needs of a root.
func (r *emptyRoot) takesDebian() {
	r.t.Helper()
	dpkg := filepath.Join(r.dir, "var/lib/dpkg")
	for _, dir := range []string{"info", "updates"} {
		if err := os.MkdirAll(filepath.Join(dpkg, dir), 0o755); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dpkg, "status"), nil, 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// inside runs a program of the root as a user without a name, without any variable.
func (r *emptyRoot) inside(program string, args ...string) string {
	r.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Path, cmd.Dir, cmd.Err = program, "/", nil
	cmd.Env = []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: r.dir, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	return output(r.t, cmd)
}

// works sends a first message and fetches it again, with the program alone, and asks it for its version.
func (r *emptyRoot) works(program, version string) {
	r.t.Helper()
	said := r.inside(program, "run", "--", program, "check", "127.0.0.1", "--send", "--user", "alice@example.test", "--timeout", "30s", "--send-timeout", "1m")
	if !strings.Contains(said, "\nTest message: the test message came back ") {
		r.t.Errorf("no first message:\n%s", said)
	}
	if said := r.inside(program, "version"); !strings.HasPrefix(said, "mailrig "+version+" (") {
		r.t.Errorf("it says %q of itself, and not that it is %s", said, version)
	}
}

// shows reads manual pages as man shows them, which must not warn.
func (r *emptyRoot) shows(man string) {
	r.t.Helper()
	need(r.t, "man")
	for page, line := range map[string]string{
		"mailrig.1.gz":                `^ +mailrig . A mock mail server for testing mail clients$`,
		"mailrig-run.1.gz":            `^ +mailrig.run . Start on free ports, run CMD, stop; exit`,
		"mailrig-scenarios-lint.1.gz": `^ +mailrig.scenarios.lint . `,
	} {
		cmd := exec.Command("man", "--warnings", "-l", filepath.Join(r.dir, man, page))
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH=80")
		var warnings bytes.Buffer
		cmd.Stderr = &warnings
		shown, err := cmd.Output()
		if err != nil || warnings.Len() > 0 || !regexp.MustCompile(`(?m)`+line).Match(shown) {
			r.t.Errorf("man shows of %s, with %v and the warnings %q:\n%s", page, err, &warnings, shown)
		}
	}
}

// left lists what is in the root below dir and isn't a directory.
func (r *emptyRoot) left(dir string) (files []string) {
	r.t.Helper()
	err := filepath.WalkDir(filepath.Join(r.dir, dir), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, strings.TrimPrefix(path, r.dir))
		}
		if os.IsNotExist(err) {
			return nil
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return files
}

// emptied fails the test if there is anything of mailrig's, a directory included.
func (r *emptyRoot) emptied(dir string) {
	r.t.Helper()
	if files := r.left(dir); len(files) > 0 {
		r.t.Errorf("what is left after removal: %q", files)
	}
	err := filepath.WalkDir(filepath.Join(r.dir, dir), func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.Contains(filepath.Base(path), "mailrig") && path != r.dir {
			r.t.Errorf("%s is left after removal", path)
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
}
