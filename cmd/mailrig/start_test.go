package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// TestInitIsCheap: no package of ours may prepare much before main begins, because every run pays for it. A regular
// expression is compiled, and a template parsed, at its first use (package lazyregexp, sync.OnceValue).
func TestInitIsCheap(t *testing.T) {
	const most = 200 // allocations; a regular expression takes 50 to 500
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^$")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		// init PACKAGE @2.6 ms, 0.25 ms clock, 444288 bytes, 93 allocs
		f := strings.Fields(line)
		if len(f) != 11 || f[0] != "init" || !strings.HasPrefix(f[1], "github.com/mailrig/mailrig/") || strings.Contains(f[1], "/testkit/") {
			continue
		}
		seen++
		if n, err := strconv.Atoi(f[9]); err != nil || n > most {
			t.Errorf("the initialization of %s makes %s allocations; let it make %d at most", f[1], f[9], most)
		}
	}
	if seen < 10 {
		t.Errorf("the trace of initialization names %d packages of ours:\n%s", seen, out)
	}
}
