package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSourceVersion(t *testing.T) {
	t.Parallel()
	need(t, "git")
	dir := t.TempDir()
	do := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.test"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z")
		output(t, cmd)
	}
	is := func(want string) { // COMMIT stands for the commit's beginning
		t.Helper()
		commit, err := git(dir, "rev-parse", "--short=12", "HEAD")
		if err != nil {
			t.Fatal(err)
		}
		want = strings.Replace(want, "COMMIT", commit, 1)
		if got, err := sourceVersion(dir); err != nil || got != want {
			t.Errorf("the version is %q, %v; want %q", got, err, want)
		}
	}
	if v, err := sourceVersion(dir); err == nil {
		t.Errorf("a directory without a repository has version %q", v)
	}
	do("init", "-q")
	if v, err := sourceVersion(dir); err == nil {
		t.Errorf("a repository without a commit has version %q", v)
	}
	file := filepath.Join(dir, "file")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("1")
	do("add", ".")
	do("commit", "-q", "-m", "first")
	is("v0.0.0-20260102030405-COMMIT")
	do("tag", "-m", "", "v1.2.3")
	do("tag", "nightly")
	is("v1.2.3")
	write("2")
	is("v1.2.3+dirty")
	do("commit", "-q", "-a", "-m", "second")
	is("v1.2.4-0.20260102030405-COMMIT")
	do("tag", "-m", "", "v1.3.0-rc.1")
	is("v1.3.0-rc.1")
}

func TestSourceTime(t *testing.T) {
	t.Parallel()
	if at, err := sourceTime(t.TempDir(), "86400"); err != nil || !at.Equal(time.Unix(86400, 0)) {
		t.Errorf("SOURCE_DATE_EPOCH=86400 is %v, %v", at, err)
	}
	for _, epoch := range []string{"yesterday", "-1", ""} {
		if at, err := sourceTime(t.TempDir(), epoch); err == nil {
			t.Errorf("SOURCE_DATE_EPOCH=%s without a repository is %v", epoch, at)
		}
	}
}

func TestWrongWords(t *testing.T) {
	t.Parallel()
	if some, err := chosen([]string{"plan9/amd64"}); err == nil {
		t.Errorf("plan9/amd64 is %v", some)
	}
	r := release{version: "1.2.3", out: filepath.Join(t.TempDir(), "new")}
	if err := r.make(); err == nil {
		t.Error("a version without v is taken")
	}
	if _, err := os.Stat(r.out); err == nil {
		t.Error("a version that is refused makes a directory")
	}
}
