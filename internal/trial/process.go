package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/proctree"
)

// A client under test may do anything: hang, crash, leave children behind, write without end, kill its own process
// group. Whatever it does, execute returns in time.

const (
	// DefaultGrace is how long a command and what it has started have between SIGTERM and SIGKILL.
	DefaultGrace = 2 * time.Second
	// killGrace is how long a killed process may take to disappear. The kernel may hold it.
	killGrace = 2 * time.Second
	// pipeGrace is how long output may come after the command has ended. It comes from processes that nobody can kill.
	pipeGrace = 300 * time.Millisecond
	// keptOutput is how many bytes of a command's output are kept, the last ones.
	keptOutput = 64 << 10
)

// command is the command that runs once under each scenario.
type command struct {
	path string   // path of the program
	args []string // starts with the name by which the program is called
	env  []string
	dir  string

	grace time.Duration // between SIGTERM and SIGKILL
}

// outcome says how a command ended.
type outcome struct {
	status int    // exit status; -1: it didn't end by itself
	signal string // the signal that ended it, if it wasn't mailrig's
	killed bool   // mailrig killed it: its time was over, or the trial's
	took   time.Duration
	output string
	err    error // why it couldn't be started
}

// execute runs a command without input until it ends, limit is over or ctx is done. It also ends what the command leaves
// running.
func execute(ctx context.Context, c command, limit time.Duration) (o outcome) {
	r, w, err := os.Pipe()
	if err != nil {
		return outcome{status: -1, err: fmt.Errorf("make a pipe for the command's output: %w", err)}
	}
	defer r.Close()
	cmd := exec.Command(c.path, c.args[1:]...)
	cmd.Args[0] = c.args[0]
	cmd.Env, cmd.Dir = c.env, c.dir
	cmd.Stdout, cmd.Stderr = w, w
	began := time.Now()
	// A session of its own: a signal to its process group then reaches neither mailrig nor the other runs.
	tree, err := proctree.Start(cmd, proctree.Options{Session: true})
	w.Close()
	if err != nil {
		return outcome{status: -1, err: fmt.Errorf("can't run %s: %w; check that it is a program for this machine, and executable", c.args[0], err)}
	}
	var out tail
	var left []proctree.Process
	p := running{
		ended: make(chan error, 1), copied: make(chan struct{}), grace: c.grace,
		terminate: tree.Terminate,
		kill: func() {
			tree.Kill()
			_ = cmd.Process.Kill() // where no tree is known
		},
		endRest: func() { _, left = tree.End(0, c.grace) },
		hangUp:  func() { r.Close() },
	}
	go func() {
		defer close(p.copied)
		_, _ = io.Copy(&out, r) // ends with the output, or when r is closed
	}()
	go func() { // only files are attached, so the tree's Wait waits for the process alone
		<-tree.Done()
		p.ended <- tree.Err()
	}()

	waited, gone := p.await(ctx, limit, began, &o)
	o.output = event.Escape([]byte(out.String())) // reports are looked at in terminals and browsers
	if len(left) > 0 {
		o.output += "\n(mailrig couldn't kill " + proctree.List(left) + ")"
	}
	o.status = -1
	var exit *exec.ExitError
	switch {
	case !gone || o.killed:
	case waited == nil:
		o.status = 0
	case errors.As(waited, &exit):
		o.status, o.signal = exit.ExitCode(), signalName(exit.ProcessState)
	default:
		o.err = fmt.Errorf("wait for the command: %w", waited)
	}
	return o
}

// running is what await needs to know about a command. Tests have one without a process.
type running struct {
	ended     chan error    // receives the result of Wait
	copied    chan struct{} // closed at the end of the output
	grace     time.Duration // between the next two
	terminate func()        // asks the command and what it has started to end
	kill      func()        // kills them
	endRest   func()        // ends what the command has left running, with a grace of its own
	hangUp    func()        // closes the output; whoever still writes gets an error
}

// await waits until the command ends, limit is over or ctx is done, and stops it in the last two cases. gone reports
// whether the command has ended. await sets o's took and killed.
func (p *running) await(ctx context.Context, limit time.Duration, began time.Time, o *outcome) (waited error, gone bool) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case waited = <-p.ended:
		gone = true
	case <-timer.C:
		o.killed = true
	case <-ctx.Done():
		o.killed = true
	}
	o.took = time.Since(began)
	if o.killed {
		waited, gone = p.end()
	}
	p.endRest()
	select {
	case <-p.copied:
	case <-time.After(pipeGrace):
		p.hangUp()
		<-p.copied
	}
	return waited, gone
}

// end stops a command, with SIGTERM first. gone reports whether it has ended.
func (p *running) end() (err error, gone bool) {
	p.terminate()
	select {
	case err := <-p.ended:
		return err, true
	case <-time.After(p.grace):
	}
	p.kill()
	select {
	case err := <-p.ended:
		return err, true
	case <-time.After(killGrace):
		return nil, false
	}
}

// tail keeps the last bytes written to it.
type tail struct {
	mu      sync.Mutex
	buf     []byte
	dropped int64
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if extra := len(t.buf) - 2*keptOutput; extra > 0 {
		t.cut()
	}
	return len(p), nil
}

func (t *tail) cut() {
	if extra := len(t.buf) - keptOutput; extra > 0 {
		t.dropped += int64(extra)
		t.buf = append(t.buf[:0], t.buf[extra:]...)
	}
}

// String returns what was kept, and says so if that isn't everything.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cut()
	if t.dropped > 0 {
		return fmt.Sprintf("(%d bytes before this are left out)\n", t.dropped) + string(t.buf)
	}
	return string(t.buf)
}
