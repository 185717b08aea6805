package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/testkit/await"
)

// need makes sure that a client is installed. If it isn't, the test is skipped on a person's machine, and fails in CI,
// where everything must be installed.
func need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, p+" isn't installed")
		}
	}
}

// leftOut has a key for each thing that tests have lacked. testMain prints them.
var leftOut sync.Map

func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s, and with CI=true nothing may be left out", what)
	}
	leftOut.Store(what, true)
	t.Skipf("%s: this client isn't tested here", what)
}

// result says how a program ended.
type result struct {
	t        testing.TB
	line     string // the command
	code     int    // exit status
	out, err string
	took     time.Duration
}

// run runs a program to its end, without any of the person's own settings.
func (r *rig) run(program string, args ...string) result {
	r.t.Helper()
	return execute(r.t, invocation{program: program, args: args})
}

// runIn is run with the test's own environment, home directory and input.
func (r *rig) runIn(i invocation) result {
	r.t.Helper()
	return execute(r.t, i)
}

type invocation struct {
	program string
	args    []string
	home    string   // "" means an empty one
	env     []string // in addition to the clean ones
	stdin   []byte
	limit   time.Duration // 0 means patience
}

func execute(t testing.TB, i invocation) result {
	t.Helper()
	if i.program != binary {
		need(t, i.program)
	}
	if i.home == "" {
		i.home = t.TempDir()
	}
	if i.limit == 0 {
		i.limit = 2 * patience
	}
	ctx, cancel := context.WithTimeout(t.Context(), i.limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, i.program, i.args...)
	cmd.Env = append(cleanEnv(i.home), i.env...)
	cmd.Dir = i.home
	cmd.Stdin = bytes.NewReader(i.stdin)
	cmd.WaitDelay = 2 * time.Second
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	began := time.Now()
	err := cmd.Run()
	res := result{
		t: t, line: filepath.Base(i.program) + " " + strings.Join(i.args, " "),
		out: out.String(), err: errOut.String(), took: time.Since(began), code: cmd.ProcessState.ExitCode(),
	}
	if ctx.Err() != nil {
		t.Fatalf("%s hangs\nstdout:\n%s\nstderr:\n%s", res.line, clip(res.out), clip(res.err))
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", res.line, err)
	}
	return res
}

// want checks the exit status.
func (res result) want(code int) result {
	res.t.Helper()
	if res.code != code {
		res.t.Fatalf("%s\nended with status %d after %v, want %d\nstdout:\n%s\nstderr:\n%s",
			res.line, res.code, res.took.Round(time.Millisecond), code, clip(res.out), clip(res.err))
	}
	return res
}

// says checks that the client told its user all of these, on either stream.
func (res result) says(parts ...string) result {
	res.t.Helper()
	for _, p := range parts {
		if !strings.Contains(res.out, p) && !strings.Contains(res.err, p) {
			res.t.Fatalf("%s\ndidn't say %q\nstdout:\n%s\nstderr:\n%s", res.line, p, clip(res.out), clip(res.err))
		}
	}
	return res
}

// silent checks that the client had nothing to complain about.
func (res result) silent() result {
	res.t.Helper()
	if strings.TrimSpace(res.err) != "" {
		res.t.Fatalf("%s\nsaid on stderr:\n%s", res.line, clip(res.err))
	}
	return res
}

func clip(s string) string {
	if len(s) > 8000 {
		return s[:4000] + "\n…\n" + s[len(s)-4000:]
	}
	return s
}

// cleanEnv returns an environment without a person's settings, proxies and locale. Variables like PATH stay, so that
// the client is found.
func cleanEnv(home string) []string {
	env := []string{"HOME=" + home, "LANG=C.UTF-8", "TERM=xterm", "TMPDIR=" + os.TempDir(), "USER=tester", "EMAIL=tester@example.test"}
	for _, keep := range []string{"PATH", "PYENV_ROOT", "PYENV_VERSION", "SystemRoot", "TEMP", "GOCOVERDIR", "GORACE"} {
		if v, ok := os.LookupEnv(keep); ok {
			env = append(env, keep+"="+v)
		}
	}
	return env
}

// write writes a file in dir and returns its path.
func write(t testing.TB, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// eventually waits until ok is true, or fails.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	await.True(t, patience, what, ok)
}
