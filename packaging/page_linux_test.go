package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// notRun are the beginnings of commands of docs/install.md that can't run here, each with the reason.
var notRun = map[string]string{
	"go install github.com/": "it needs what is published",
	"make dist":              "this test gets what it makes",
	"docker ":                "Docker isn't here",
}

// stands are programs of which the page's commands get others: dpkg, rpm and make work on a root of the test's.
const stands = `
sudo)  exec "$@" ;;
dpkg)  exec /usr/bin/dpkg --root="$ROOT" --log=/dev/null "$@" ;;
rpm)   exec /usr/bin/rpm --root "$ROOT" --dbpath /var/lib/rpm --nosignature "$@" ;;
make)  case "$*" in *PREFIX=*) ;; *) set -- "$@" DESTDIR="$ROOT" ;; esac
       exec /usr/bin/make -C "$SOURCES" "$@" ;;
`

// desk is where the page's commands run: a directory, which is the reader's home too, with what "make dist" has made.
type desk struct {
	dir string
	env []string
}

func newDesk(t *testing.T, r *release, root *emptyRoot) *desk {
	t.Helper()
	root.takesDebian()
	d := &desk{dir: t.TempDir()}
	programs := filepath.Join(d.dir, "programs")
	if err := os.Mkdir(programs, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sudo", "dpkg", "rpm", "make"} {
		text := fmt.Sprintf("#!/bin/sh\ncase %s in%sesac\n", name, stands)
		if err := os.WriteFile(filepath.Join(programs, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(absolute(t, r.out), filepath.Join(d.dir, "dist")); err != nil {
		t.Fatal(err)
	}
	d.env = append(os.Environ(), "HOME="+d.dir, "ROOT="+root.dir, "SOURCES="+absolute(t, r.sources), "BIN="+filepath.Join(d.dir, "built"),
		"VERSION="+r.version, "GOFLAGS=-buildvcs=false", "MAKEFLAGS=",
		"PATH="+programs+":"+filepath.Join(d.dir, ".local/bin")+":"+os.Getenv("PATH"))
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} { // they are below the home that the commands don't have
		d.env = append(d.env, name+"="+strings.TrimSpace(output(t, exec.Command("go", "env", name))))
	}
	return d
}

func absolute(t *testing.T, dir string) string {
	t.Helper()
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestInstallPage runs the commands of docs/install.md, in their order.
func TestInstallPage(t *testing.T) {
	t.Parallel()
	r, root := made(t), newRoot(t)
	need(t, "dpkg", "rpm", "make", "sha256sum")
	page, err := os.ReadFile("../docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, r, root)
	ran, shown := 0, map[string]bool{}
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		for line := range strings.Lines(block[1]) {
			line = strings.TrimSpace(line)
			if begin := beginsWithOne(line, notRun); begin != "" {
				shown[begin] = true
				continue
			}
			ran++
			cmd := exec.Command("sh", "-c", strings.ReplaceAll(line, "amd64", runtime.GOARCH))
			cmd.Dir, cmd.Env = d.dir, d.env
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", line, err, out)
			}
		}
	}
	if ran < 12 || len(shown) != len(notRun) {
		t.Errorf("%d commands ran; of those that can't, the page shows %v", ran, shown)
	}
	root.emptied("usr")
	if _, err := os.Stat(filepath.Join(d.dir, ".local/share/man/man1/mailrig-run.1")); err != nil {
		t.Errorf("the manual pages aren't there: %v", err)
	}
}

// beginsWithOne returns the key of a list with which a line begins, or "".
func beginsWithOne(line string, list map[string]string) string {
	for begin := range list {
		if strings.HasPrefix(line, begin) {
			return begin
		}
	}
	return ""
}
