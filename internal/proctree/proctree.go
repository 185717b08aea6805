// Package proctree runs a command and ends it together with every process that it has started. The commands run and trial
// use it: whatever a client under test leaves behind would hold connections, write into reports, or burn a core.
//
// What belongs to a command, and how it is ended, depends on the system:
//
//   - Linux: the descendants of the command, also those in sessions of their own. This process becomes the reaper of
//     orphans (PR_SET_CHILD_SUBREAPER), so none gets out of sight when its parent ends. A variable in the environment says
//     to which command an orphan belongs. The command itself is killed when this process dies (PR_SET_PDEATHSIG).
//   - other Unix systems: the descendants and what is in the command's session, as ps lists them. An orphan in a session
//     of its own is out of reach.
//   - Windows: what is in the command's job object. The system ends a job when this process dies.
package proctree

import (
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Process is a process that belongs to a command.
type Process struct {
	PID  int
	Name string // of its program; shortened on some systems
}

func (p Process) String() string { return fmt.Sprintf("%s (%d)", p.Name, p.PID) }

// List formats processes for people. It leaves out all but the first ten.
func List(all []Process) string {
	const most = 10
	var words []string
	for i, p := range all {
		if i == most {
			words = append(words, fmt.Sprintf("%d more", len(all)-i))
			break
		}
		words = append(words, p.String())
	}
	return strings.Join(words, ", ")
}

// Options say how a command is started.
type Options struct {
	// Session gives the command a session of its own (on Windows, a process group), away from the terminal: its Ctrl-C
	// doesn't reach the command, and the command can't ask it for a password.
	Session bool
}

// Tree is a running command with all that it has started. Any goroutine may call its methods.
type Tree struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait; set before done is closed

	system
}

// Start starts a command. The caller must not call its Wait. After its end, call End.
func Start(cmd *exec.Cmd, o Options) (*Tree, error) {
	t := &Tree{cmd: cmd, done: make(chan struct{})}
	if err := t.prepare(cmd, o); err != nil {
		return nil, err
	}
	started := make(chan error)
	go func() {
		release := t.holdThread()
		defer release()
		err := cmd.Start()
		if err == nil {
			err = t.begun(cmd)
		}
		started <- err
		if err != nil {
			return
		}
		t.err = cmd.Wait()
		close(t.done)
	}()
	if err := <-started; err != nil {
		t.over()
		return nil, err
	}
	return t, nil
}

// PID returns the id of the command's own process.
func (t *Tree) PID() int { return t.cmd.Process.Pid }

// Done is closed when the command itself has ended. Err then returns the result of its Wait.
func (t *Tree) Done() <-chan struct{} { return t.done }

// Err returns the result of the command's Wait. Call it after Done.
func (t *Tree) Err() error { return t.err }

// Terminate asks all of the tree to end: with SIGTERM, or on Windows with Ctrl-Break if the command has a session of its
// own.
func (t *Tree) Terminate() { t.signal(t.members(), false) }

// Kill kills all of the tree. New processes may come while it does; End looks until there are none.
func (t *Tree) Kill() { t.signal(t.members(), true) }

// End ends what is left of the tree: it waits settle for it to end by itself, asks it to end, and kills it after grace.
// It returns which processes it had to ask or kill, and which of them are still there: the kernel may hold a process.
func (t *Tree) End(settle, grace time.Duration) (ended, left []Process) {
	defer t.over()
	return end(t.members, t.signal, settle, grace)
}

const (
	// killTime is how long a killed process may take to disappear.
	killTime = 2 * time.Second
	// The pauses between two looks grow from shortest to longest.
	shortest, longest = 2 * time.Millisecond, 50 * time.Millisecond
)

// end is End for what members lists.
func end(members func() []Process, signal func([]Process, bool), settle, grace time.Duration) (ended, left []Process) {
	if left = goneWithin(members, settle, nil); len(left) == 0 {
		return nil, nil
	}
	seen := map[int]bool{}
	note := func(list []Process) {
		for _, p := range list {
			if !seen[p.PID] {
				seen[p.PID] = true
				ended = append(ended, p)
			}
		}
	}
	note(left)
	signal(left, false)
	if left = goneWithin(members, grace, note); len(left) > 0 {
		// What has just been started isn't in the list yet, so look again after each kill.
		left = goneWithin(func() []Process {
			list := members()
			note(list)
			signal(list, true)
			return list
		}, killTime, nil)
	}
	return ended, left
}

// goneWithin looks until there are no members any more or the time is over, and returns those that are left. It looks at
// least once. One look isn't enough to see nobody: a process that starts another and ends during the look hides it.
func goneWithin(members func() []Process, limit time.Duration, note func([]Process)) []Process {
	deadline := time.Now().Add(limit)
	for pause := shortest; ; pause = min(2*pause, longest) {
		list := members()
		if len(list) == 0 {
			list = members()
		}
		if note != nil {
			note(list)
		}
		if len(list) == 0 || !time.Now().Before(deadline) {
			return list
		}
		time.Sleep(min(pause, time.Until(deadline)))
	}
}
