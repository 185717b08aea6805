package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

var distDir = flag.String("dist", "", "what \"make dist\" has made; without it, the tests that need it are skipped")

// made returns what "make dist" has made, as a release without targets.
func made(t *testing.T) *release {
	t.Helper()
	if *distDir == "" {
		t.Skip("run \"make packages\": this test needs what \"make dist\" makes")
	}
	archives, err := filepath.Glob(filepath.Join(*distDir, "mailrig_*.tar.gz"))
	if err != nil || len(archives) == 0 {
		t.Fatalf("%s has no archive: %v", *distDir, err)
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(archives[0]), "mailrig_"), "_")
	r := &release{sources: "..", out: *distDir, version: "v" + number, goTool: "go", log: t.Output()}
	if r.time, err = sourceTime(r.sources, os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		t.Fatal(err)
	}
	return r
}

// path returns the path of what is made for this machine's architecture, as deb or tar.gz.
func (r *release) path(kind string) string {
	return filepath.Join(r.out, r.name(target{"linux", runtime.GOARCH})+"."+kind)
}

// missing skips a test, or in CI, which installs everything, fails it.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s, in CI", what)
	}
	t.Skip(what)
}

// need skips a test without these programs.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, p+" isn't installed")
		}
	}
}

// output runs a command that must succeed.
func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return string(out)
}

// TestAllIsMade checks the names of what is made, and the checksums.
func TestAllIsMade(t *testing.T) {
	t.Parallel()
	r := made(t)
	want := map[string]bool{sumsName: true, formulaName: true}
	for _, target := range targets {
		kinds := []string{"tar.gz"}
		switch target.os {
		case "linux":
			kinds = []string{"tar.gz", "deb", "rpm"}
		case "windows":
			kinds = []string{"zip"}
		}
		for _, kind := range kinds {
			want[r.name(target)+"."+kind] = true
		}
	}
	entries, err := os.ReadDir(r.out)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !want[e.Name()] {
			t.Errorf("%s is made, and nobody asked for it", e.Name())
		}
		delete(want, e.Name())
	}
	for name := range want {
		t.Errorf("%s is missing", name)
	}
	sums, err := os.ReadFile(filepath.Join(r.out, sumsName))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(sums), "\n"), "\n")
	if len(lines) != len(entries)-2 {
		t.Errorf("%s has %d lines for %d files", sumsName, len(lines), len(entries)-2)
	}
	for _, line := range lines {
		sum, name, _ := strings.Cut(line, "  ")
		content, err := os.ReadFile(filepath.Join(r.out, name))
		if got := sha256.Sum256(content); err != nil || hex.EncodeToString(got[:]) != sum {
			t.Errorf("%s: the checksum is wrong, %v", name, err)
		}
	}
}

// TestSameBytes makes everything for this machine once more, elsewhere, and compares the bytes.
func TestSameBytes(t *testing.T) {
	r := made(t)
	again := *r
	again.out = filepath.Join(t.TempDir(), "again")
	again.targets = []target{{"linux", runtime.GOARCH}}
	t.Setenv("TZ", "Asia/Kathmandu")
	if err := again.make(); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"tar.gz", "deb", "rpm"} {
		first, err := os.ReadFile(r.path(kind))
		if err != nil {
			t.Fatal(err)
		}
		second, err := os.ReadFile(again.path(kind))
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s differs from the one that was made first, %v", filepath.Base(again.path(kind)), err)
		}
	}
}
