package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
)

// binary is the mailrig under test. With go test -race it is built with the race detector too. A race that it reports
// fails the test whose rig it was.
var binary string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	// These tests mostly wait, for a client or its timeout. So more of them than there are cores may run at the same
	// time.
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set(strconv.Itoa(4 * runtime.GOMAXPROCS(0)))
	}
	dir, err := os.MkdirTemp("", "mailrig-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "mailrig")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	var args []string
	if raceDetector {
		args = []string{"-race", "-gcflags=modernc.org/sqlite/lib=-race=false"} // as the Makefile has it
	}
	if err := build(binary, os.Environ(), args...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	release = sync.OnceValues(func() (string, error) {
		if testing.Short() && !raceDetector {
			return binary, nil // a complete build takes a minute on a slow machine
		}
		path := filepath.Join(dir, "release", filepath.Base(binary))
		return path, build(path, append(os.Environ(), "CGO_ENABLED=0"), "-trimpath", "-ldflags", "-s -w")
	})
	code := m.Run()
	leftOut.Range(func(what, _ any) bool {
		fmt.Printf("some tests are left out: %s\n", what)
		return true
	})
	return code
}

// long skips a slow test with go test -short, which make test uses. make e2e-all runs all of them.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("not with -short: make e2e-all runs it")
	}
}

// shortSample is the fraction of probes that go test -short tries: one in 6.
const shortSample = 6

// release builds the binary as it is released: static, and without the race detector. Only some tests need it.
var release func() (string, error)

func releaseBinary(t testing.TB) string {
	t.Helper()
	path, err := release()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func build(path string, env []string, args ...string) error {
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, args...), "../cmd/mailrig")...)
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build ../cmd/mailrig: %w\n%s", err, out)
	}
	return nil
}
