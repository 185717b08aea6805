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

// TestInstallPage runs the commands of docs/install.md, in their order.
func TestInstallPage(t *testing.T) {
	t.Parallel()
	r, root := made(t), newRoot(t)
	need(t, "dpkg", "rpm", "make", "sha256sum")
	page, err := os.ReadFile("../docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	programs := filepath.Join(dir, "programs")
	for _, d := range []string{programs, filepath.Join(root.dir, "var/lib/dpkg/info"), filepath.Join(root.dir, "var/lib/dpkg/updates")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root.dir, "var/lib/dpkg/status"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sudo", "dpkg", "rpm", "make"} {
		text := fmt.Sprintf("#!/bin/sh\ncase %s in%sesac\n", name, stands)
		if err := os.WriteFile(filepath.Join(programs, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dist, err := filepath.Abs(r.out)
	if err == nil {
		err = os.Symlink(dist, filepath.Join(dir, "dist"))
	}
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Abs(r.sources)
	if err != nil {
		t.Fatal(err)
	}
	unused := map[string]bool{}
	for begin := range notRun {
		unused[begin] = true
	}
	ran := 0
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		for line := range strings.Lines(block[1]) {
			line = strings.TrimSpace(line)
			skip := false
			for begin := range notRun {
				if strings.HasPrefix(line, begin) {
					skip = true
					delete(unused, begin)
				}
			}
			if skip {
				continue
			}
			ran++
			cmd := exec.Command("sh", "-c", strings.ReplaceAll(line, "amd64", runtime.GOARCH))
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "HOME="+dir, "ROOT="+root.dir, "SOURCES="+sources, "BIN="+filepath.Join(dir, "built"), "VERSION="+r.version,
				"GOFLAGS=-buildvcs=false", "GOCACHE="+goEnv(t, "GOCACHE"), "GOMODCACHE="+goEnv(t, "GOMODCACHE"), "MAKEFLAGS=",
				"PATH="+programs+":"+filepath.Join(dir, ".local/bin")+":"+os.Getenv("PATH"))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", line, err, out)
			}
		}
	}
	if ran < 12 {
		t.Errorf("only %d commands ran", ran)
	}
	for begin := range unused {
		t.Errorf("the page has no command that begins with %q", begin)
	}
	root.emptied("usr")
	if _, err := os.Stat(filepath.Join(dir, ".local/share/man/man1/mailrig-run.1")); err != nil {
		t.Errorf("the manual pages aren't there: %v", err)
	}
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	return strings.TrimSpace(output(t, exec.Command("go", "env", name)))
}
