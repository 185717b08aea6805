//go:build unix

package trial

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// soon limits what must not take long. It is less than the commands here take, and long enough for any machine.
const soon = 2 * time.Minute

func sh(t *testing.T, ctx context.Context, limit time.Duration, script string) outcome {
	t.Helper()
	path, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh here")
	}
	began := time.Now()
	o := execute(ctx, command{path: path, args: []string{"sh", "-c", script}, env: os.Environ(), dir: t.TempDir()}, limit)
	if took := time.Since(began); took > soon {
		t.Errorf("%q took %v", script, took)
	}
	return o
}

func TestExecute(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script string
		limit  time.Duration
		want   outcome
	}{
		"ends well":         {"echo out; echo err >&2", time.Minute, outcome{output: "out\nerr\n"}},
		"has no input":      {"cat; echo end", time.Minute, outcome{output: "end\n"}},
		"fails":             {"exit 7", time.Minute, outcome{status: 7}},
		"crashes":           {"kill -9 $$", time.Minute, outcome{status: -1, signal: "killed"}},
		"kills its group":   {"kill -9 0", time.Minute, outcome{status: -1, signal: "killed"}},
		"hangs":             {"echo here; sleep 1000", 200 * time.Millisecond, outcome{status: -1, killed: true, output: "here\n"}},
		"ends when told to": {"trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done", 200 * time.Millisecond, outcome{status: -1, killed: true, output: "bye\n"}},
		"heeds nothing":     {"trap '' TERM; while :; do sleep 0.05; done", 200 * time.Millisecond, outcome{status: -1, killed: true}},
		"is stopped":        {"kill -STOP $$", 200 * time.Millisecond, outcome{status: -1, killed: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := sh(t, t.Context(), test.limit, test.script)
			if o.took == 0 || o.killed && o.took < test.limit {
				t.Errorf("took %v", o.took)
			}
			o.took = 0
			o.output = strings.TrimPrefix(o.output, "Terminated\n") // some shells report this about the sleep
			if o != test.want {
				t.Errorf("%+v\nwant %+v", o, test.want)
			}
		})
	}
}

func TestExecuteKeepsTheEndOfAFlood(t *testing.T) {
	t.Parallel()
	o := sh(t, t.Context(), 500*time.Millisecond, "yes a line")
	if !o.killed || len(o.output) < keptOutput || len(o.output) > keptOutput+100 {
		t.Errorf("killed %v, %d bytes", o.killed, len(o.output))
	}
	if head, _, _ := strings.Cut(o.output, "\n"); !strings.HasSuffix(head, "bytes before this are left out)") {
		t.Errorf("begins with %q", head)
	}
}

// TestExecuteLeavesNoChildren checks that children in the command's session end with it, and that those outside don't
// hold up the trial.
func TestExecuteLeavesNoChildren(t *testing.T) {
	t.Parallel()
	o := sh(t, t.Context(), time.Minute, "sleep 1000 & echo $!")
	child, err := strconv.Atoi(strings.TrimSpace(o.output))
	if err != nil || o.status != 0 {
		t.Fatalf("%+v", o)
	}
	gone(t, child)

	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("no setsid here")
	}
	o = sh(t, t.Context(), time.Minute, "setsid sh -c 'echo $$ > pid; exec sleep 1000' & until [ -s pid ]; do sleep 0.02; done; cat pid")
	child, err = strconv.Atoi(strings.TrimSpace(o.output))
	if err != nil || o.status != 0 {
		t.Fatalf("%+v", o)
	}
	if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
		t.Errorf("the child that left isn't there: %v", err)
	}
}

// gone waits until a process has ended. A zombie that nobody waits for counts as ended.
func gone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(soon); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if syscall.Kill(pid, 0) != nil {
			return
		}
		if status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err == nil && strings.Contains(string(status), ") Z ") {
			return
		}
	}
	t.Errorf("process %d is still there", pid)
}

func TestExecuteEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if o := sh(t, ctx, time.Minute, "sleep 1000"); !o.killed {
		t.Errorf("%+v", o)
	}
}

func TestExecuteWhatCannotBeRun(t *testing.T) {
	t.Parallel()
	o := execute(t.Context(), command{path: t.TempDir(), args: []string{"dir"}}, time.Minute)
	if o.err == nil || !strings.Contains(o.err.Error(), "can't run dir: ") || !strings.Contains(o.err.Error(), "check that") {
		t.Errorf("%+v", o)
	}
}
