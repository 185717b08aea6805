package proctree

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hang is how long a test waits for what should happen soon.
const hang = time.Minute

// TestMain lets the test binary also be a program that runs a tree: some things happen to a process as a whole.
func TestMain(m *testing.M) {
	if script := os.Getenv("PROCTREE_SCRIPT"); script != "" {
		os.Unsetenv("PROCTREE_SCRIPT")
		os.Exit(program(script))
	}
	os.Exit(m.Run())
}

// program runs a script as a tree, ends the tree and then everything, and says what it has ended.
func program(script string) int {
	cmd := exec.Command("sh", "-c", script)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	tree, err := Start(cmd, Options{})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	<-tree.Done()
	ended, left := tree.End(0, 200*time.Millisecond)
	fmt.Println("tree", len(ended), len(left))
	ended, left = EndAll(200 * time.Millisecond)
	fmt.Println("all", len(ended), len(left))
	return 0
}

func start(t *testing.T, o Options, script string) (*Tree, *bufio.Reader) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir, cmd.Stdout = t.TempDir(), w
	tree, err := Start(cmd, o)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	return tree, bufio.NewReader(r)
}

// pid reads a line with a process id.
func pid(t *testing.T, r *bufio.Reader) int {
	t.Helper()
	line, err := r.ReadString('\n')
	n, wrong := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || wrong != nil {
		t.Fatalf("%q: %v, %v", line, err, wrong)
	}
	return n
}

func running(pid int) bool {
	p, ok := read(pid)
	return ok && !p.zombie
}

func TestEndLeavesNothing(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("no setsid here")
	}
	const up = "until [ -s up ]; do sleep 0.01; done" // the child is there
	const stubborn = `trap "" TERM HUP INT; echo $$ | tee up; while :; do sleep 0.05; done`
	for name, script := range map[string]string{
		"a child":                     "sleep 1000 & echo $!",
		"in a session of its own":     "setsid sh -c 'echo $$ | tee up; exec sleep 1000' & " + up,
		"and heeds nothing":           "setsid sh -c '" + stubborn + "' & " + up,
		"an orphan":                   "sh -c 'setsid sh -c \"echo \\$\\$ | tee up; exec sleep 1000\" &'; " + up,
		"a stopped one":               "setsid sh -c 'echo $$ | tee up; kill -STOP $$' & " + up,
		"one that starts many others": "setsid sh -c 'trap \"\" TERM; echo $$ | tee up; while :; do sleep 1000 & sleep 0.01; done' & " + up,
	} {
		for _, session := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " ", session), func(t *testing.T) {
				t.Parallel()
				tree, out := start(t, Options{Session: session}, script)
				child := pid(t, out)
				<-tree.Done()
				if tree.Err() != nil {
					t.Error(tree.Err())
				}
				ended, left := tree.End(0, 100*time.Millisecond)
				if len(left) > 0 || !slices.ContainsFunc(ended, func(p Process) bool { return p.PID == child && p.Name != "" }) {
					t.Errorf("ended %s, left %s, want %d", List(ended), List(left), child)
				}
				if running(child) {
					t.Errorf("process %d is still there", child)
				}
			})
		}
	}
}

// TestTerminate checks that the command and its children are asked first, and killed only when they don't heed it.
func TestTerminate(t *testing.T) {
	t.Parallel()
	tree, out := start(t, Options{Session: true}, `sh -c 'trap "echo 1; exit 0" TERM; echo 2; while :; do sleep 0.05; done' & trap 'wait; exit 7' TERM; wait`)
	pid(t, out)
	tree.Terminate()
	if got := pid(t, out); got != 1 {
		t.Error(got)
	}
	select {
	case <-tree.Done():
	case <-time.After(hang):
		t.Fatal("the command goes on")
	}
	if state := tree.cmd.ProcessState.ExitCode(); state != 7 {
		t.Errorf("status %d", state)
	}
	if ended, left := tree.End(0, hang); len(ended)+len(left) > 0 {
		t.Errorf("ended %s, left %s", List(ended), List(left))
	}
}

// TestSettle checks that what ends by itself isn't named.
func TestSettle(t *testing.T) {
	t.Parallel()
	tree, out := start(t, Options{}, "sleep 0.2 & echo $!")
	pid(t, out)
	<-tree.Done()
	if ended, left := tree.End(hang, 0); len(ended)+len(left) > 0 {
		t.Errorf("ended %s, left %s", List(ended), List(left))
	}
}

// TestTwoTrees checks that a tree doesn't end another one's processes.
func TestTwoTrees(t *testing.T) {
	t.Parallel()
	one, out := start(t, Options{Session: true}, "setsid sleep 1000 & echo $!; sleep 1000")
	child := pid(t, out)
	two, _ := start(t, Options{Session: true}, "exit 3")
	<-two.Done()
	if ended, left := two.End(0, hang); len(ended)+len(left) > 0 || !running(child) || !running(one.PID()) {
		t.Errorf("ended %s, left %s", List(ended), List(left))
	}
	one.Kill()
	<-one.Done()
	one.End(0, hang)
	if running(child) {
		t.Error("the child is still there")
	}
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	if _, err := Start(exec.Command("/nonexistent/program"), Options{}); err == nil {
		t.Error("no error")
	}
}

// itself runs the test binary as program.
func itself(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "PROCTREE_SCRIPT="+script)
	return cmd
}

// TestEndAll checks that an orphan is found that nobody knows: it has a session and an environment of its own.
func TestEndAll(t *testing.T) {
	t.Parallel()
	cmd := itself(t, "env -i PATH=$PATH sh -c 'setsid sh -c \"echo \\$\\$ | tee up; exec sleep 1000\" & until [ -s up ]; do sleep 0.01; done'")
	cmd.Dir = t.TempDir()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(out))
	child, err := strconv.Atoi(lines[0])
	// The programs that have written the number may not have ended either.
	if got := strings.Join(lines[1:], " "); err != nil || !strings.HasPrefix(got, "tree ") || !strings.Contains(got, " 0 all ") || !strings.HasSuffix(got, " 0") || running(child) {
		t.Errorf("%q, running: %v", out, running(child))
	}
}

// TestEndWithUs checks that a command ends when the process that has started it is killed.
func TestEndWithUs(t *testing.T) {
	t.Parallel()
	cmd := itself(t, "echo $$; exec sleep 1000")
	r, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	child := pid(t, bufio.NewReader(r))
	_ = cmd.Process.Signal(syscall.SIGKILL)
	_ = cmd.Wait()
	for deadline := time.Now().Add(hang); running(child); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there", child)
		}
	}
}
