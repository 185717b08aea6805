//go:build unix

package trial

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// soon limits what must not take long. It is less than the commands here take, and long enough for any machine.
const soon = 2 * time.Minute

func sh(t *testing.T, ctx context.Context, limit time.Duration, dir, script string) outcome {
	t.Helper()
	path, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh here")
	}
	began := time.Now()
	o := execute(ctx, command{path: path, args: []string{"sh", "-c", script}, env: os.Environ(), dir: dir, grace: 300 * time.Millisecond}, limit)
	if took := time.Since(began); took > 2*soon {
		t.Errorf("%q took %v", script, took)
	}
	return o
}

// untilUp returns a context that is done once a script has made the file up. It says when to stop the script.
func untilUp(t *testing.T, dir string) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	tick := time.NewTicker(5 * time.Millisecond)
	go func() {
		defer cancel()
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if _, err := os.Stat(filepath.Join(dir, "up")); err == nil {
				return
			}
		}
	}()
	return ctx
}

func TestExecute(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script string
		limit  time.Duration
		want   outcome
	}{
		"ends well":         {"echo out; echo err >&2", soon, outcome{output: "out\nerr\n"}},
		"has no input":      {"cat; echo end", soon, outcome{output: "end\n"}},
		"is hostile":        {`printf 'a\033[31mb\302\233c\342\200\256\r\nd'`, soon, outcome{output: `a\x1b[31mb\xc2\x9bc\xe2\x80\xae` + "\nd"}},
		"fails":             {"exit 7", soon, outcome{status: 7}},
		"crashes":           {"kill -9 $$", soon, outcome{status: -1, signal: "killed"}},
		"kills its group":   {"kill -9 0", soon, outcome{status: -1, signal: "killed"}},
		"its time is over":  {"sleep 1000", 100 * time.Millisecond, outcome{status: -1, killed: true}},
		"hangs":             {"echo here; : > up; sleep 1000", soon, outcome{status: -1, killed: true, output: "here\n"}},
		"ends when told to": {"trap 'echo bye; exit 0' TERM; : > up; while :; do sleep 0.05; done", soon, outcome{status: -1, killed: true, output: "bye\n"}},
		"heeds nothing":     {"trap '' TERM; : > up; while :; do sleep 0.05; done", soon, outcome{status: -1, killed: true}},
		"is stopped":        {": > up; kill -STOP $$", soon, outcome{status: -1, killed: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			o := sh(t, untilUp(t, dir), test.limit, dir, test.script)
			if o.took == 0 || o.killed && test.limit < soon && o.took < test.limit {
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
	dir := t.TempDir()
	o := sh(t, untilUp(t, dir), soon, dir, fmt.Sprintf("yes a line | head -c %d; : > up; exec yes a line", 3*keptOutput))
	if !o.killed || len(o.output) < keptOutput || len(o.output) > keptOutput+100 {
		t.Errorf("killed %v, %d bytes", o.killed, len(o.output))
	}
	if head, _, _ := strings.Cut(o.output, "\n"); !strings.HasSuffix(head, "bytes before this are left out)") {
		t.Errorf("begins with %q", head)
	}
}

// TestExecuteLeavesNoChildren checks that what a command leaves running is ended: in its session or, on Linux, in one of
// its own, and whether it heeds SIGTERM or not.
func TestExecuteLeavesNoChildren(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"in its session": "sleep 1000 & echo $!",
		"heeds nothing":  "sh -c 'trap \"\" TERM; echo $$ > pid; while :; do sleep 0.05; done' & until [ -s pid ]; do sleep 0.02; done; cat pid",
		"has left":       "setsid sh -c 'trap \"\" TERM HUP; echo $$ > pid; while :; do sleep 0.05; done' & until [ -s pid ]; do sleep 0.02; done; cat pid",
		"is stopped":     "setsid sh -c 'echo $$ > pid; kill -STOP $$' & until [ -s pid ]; do sleep 0.02; done; cat pid",
		"is an orphan":   "sh -c 'setsid sh -c \"trap : TERM; echo \\$\\$ > pid; exec sleep 1000\" &'; until [ -s pid ]; do sleep 0.02; done; cat pid",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath("setsid"); strings.Contains(script, "setsid") && (err != nil || runtime.GOOS != "linux") {
				t.Skip("only on Linux, with setsid")
			}
			o := sh(t, t.Context(), soon, t.TempDir(), script)
			child, err := strconv.Atoi(strings.TrimSpace(o.output))
			if err != nil || o.status != 0 {
				t.Fatalf("%+v", o)
			}
			gone(t, child)
		})
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

func TestExecuteWhatCannotBeRun(t *testing.T) {
	t.Parallel()
	o := execute(t.Context(), command{path: t.TempDir(), args: []string{"dir"}}, time.Minute)
	if o.err == nil || !strings.Contains(o.err.Error(), "can't run dir: ") || !strings.Contains(o.err.Error(), "check that") {
		t.Errorf("%+v", o)
	}
}
