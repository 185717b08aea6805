package proctree

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// mark is the variable that marks a command's environment. Its value has one word for each tree that a process is in.
const mark = "MAILRIG_PROCESS_TREE"

// system is what a Tree needs to know on Linux.
type system struct {
	word    string
	session bool

	mu   sync.Mutex
	pid  int
	seen map[int]uint64 // processes that belong to the tree, with their start times
}

const prSetChildSubreaper = 36 // prctl(2)

func (s *system) prepare(cmd *exec.Cmd, o Options) error {
	// Without it (an old kernel, a sandbox), orphans get another parent and may get out of sight.
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0)
	s.word, s.session, s.seen = rand.Text(), o.Session, map[int]uint64{}
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	words := s.word
	for _, kv := range cmd.Env {
		if outer, ok := strings.CutPrefix(kv, mark+"="); ok {
			words = outer + ":" + s.word
		}
	}
	cmd.Env = append(cmd.Env, mark+"="+words) // the last one counts
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: o.Session, Pdeathsig: syscall.SIGKILL}
	return nil
}

// holdThread keeps the goroutine on its thread: PR_SET_PDEATHSIG means the end of the thread that has started the
// command.
func (s *system) holdThread() (release func()) {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

func (s *system) begun(cmd *exec.Cmd) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pid = cmd.Process.Pid
	return nil
}

func (s *system) over() {}

// process is an entry in /proc.
type process struct {
	pid, parent, session int
	zombie               bool
	start                uint64 // in clock ticks since the machine started
	name                 string
}

// members lists the tree's processes that run.
func (s *system) members() (list []Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pid == 0 {
		return nil
	}
	all, self := processes(), os.Getpid()
	ours := descendants(all, func(p *process) bool { return p.pid == self })
	mine := descendants(all, func(p *process) bool {
		start, known := s.seen[p.pid]
		return p.pid == s.pid || known && start == p.start || s.session && p.session == s.pid || ours[p.pid] && !p.zombie && marked(p.pid, s.word)
	})
	delete(mine, self)
	for i := range all {
		p := &all[i]
		switch {
		case !mine[p.pid]:
		case !p.zombie:
			s.seen[p.pid] = p.start
			list = append(list, Process{p.pid, p.name})
		case p.parent == self && p.pid != s.pid: // an orphan; the command itself has its own Wait
			_, _ = syscall.Wait4(p.pid, nil, syscall.WNOHANG, nil)
		}
	}
	return list
}

// signal sends SIGTERM or SIGKILL to the processes that are still the ones that were listed.
func (s *system) signal(list []Process, kill bool) {
	for _, p := range list {
		s.mu.Lock()
		start, known := s.seen[p.PID]
		s.mu.Unlock()
		if known {
			tell(p.PID, start, kill)
		}
	}
}

// tell signals a process if it is the one that started then. The handle makes sure that it can't be another one with the
// same number.
func tell(pid int, start uint64, kill bool) {
	handle, err := os.FindProcess(pid)
	if err != nil {
		return
	}
	defer handle.Release()
	if p, ok := read(pid); !ok || p.start != start {
		return
	}
	if kill {
		_ = handle.Signal(syscall.SIGKILL)
		return
	}
	_ = handle.Signal(syscall.SIGTERM)
	_ = handle.Signal(syscall.SIGCONT) // a stopped process gets SIGTERM only when it goes on
}

// processes lists what is in /proc.
func processes() (all []process) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if p, ok := read(pid); ok {
				all = append(all, p)
			}
		}
	}
	return all
}

// read reads /proc/PID/stat (proc_pid_stat(5)). The name is in parentheses, and may have some in it.
func read(pid int) (p process, ok bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	from, to := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if err != nil || from < 0 || to < from {
		return p, false
	}
	f := strings.Fields(string(b[to+1:])) // from the third field on
	if len(f) < 20 {
		return p, false
	}
	p = process{pid: pid, zombie: f[0] == "Z" || f[0] == "X", name: string(b[from+1 : to])}
	p.parent, _ = strconv.Atoi(f[1])
	p.session, _ = strconv.Atoi(f[3])
	p.start, _ = strconv.ParseUint(f[19], 10, 64)
	return p, true
}

// descendants returns the processes that root accepts, and all that descend from them.
func descendants(all []process, root func(*process) bool) map[int]bool {
	children := map[int][]int{}
	in := map[int]bool{}
	var next []int
	for i := range all {
		p := &all[i]
		children[p.parent] = append(children[p.parent], p.pid)
		if root(p) {
			next = append(next, p.pid)
		}
	}
	for len(next) > 0 {
		pid := next[len(next)-1]
		next = next[:len(next)-1]
		if !in[pid] {
			in[pid] = true
			next = append(next, children[pid]...)
		}
	}
	return in
}

// marked reports whether a process was started in the tree with this word. While a process starts a program (execve(2)),
// it has no environment for a moment.
func marked(pid int, word string) bool {
	for range 5 {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
		if err != nil || len(b) > 0 {
			return err == nil && bytes.Contains(b, []byte(mark+"=")) && bytes.Contains(b, []byte(word))
		}
		time.Sleep(time.Millisecond)
	}
	return false
}

// EndAll ends every process that descends from this one, as Tree.End does. Call it when all trees have ended: an orphan
// with an environment of its own, which nobody knows, is found only so.
func EndAll(grace time.Duration) (ended, left []Process) {
	s := system{seen: map[int]uint64{}}
	return end(func() (list []Process) {
		s.mu.Lock()
		defer s.mu.Unlock()
		all, self := processes(), os.Getpid()
		ours := descendants(all, func(p *process) bool { return p.pid == self })
		for i := range all {
			p := &all[i]
			switch {
			case !ours[p.pid] || p.pid == self:
			case !p.zombie:
				s.seen[p.pid] = p.start
				list = append(list, Process{p.pid, p.name})
			case p.parent == self:
				_, _ = syscall.Wait4(p.pid, nil, syscall.WNOHANG, nil)
			}
		}
		return list
	}, s.signal, 0, grace)
}

// Reap reaps orphans that have ended, until ctx is done: this process is their parent now, and they would stay as zombies.
// A child that has been dead for a second is one: the others have somebody who waits for them.
func Reap(ctx context.Context) {
	died := make(chan os.Signal, 1)
	signal.Notify(died, syscall.SIGCHLD)
	defer signal.Stop(died)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for dead := map[int]bool{}; ; {
		if len(dead) == 0 {
			select {
			case <-died:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		dead = reap(dead)
	}
}

// reap reaps the dead children that were already dead before, and returns the others that are dead.
func reap(before map[int]bool) map[int]bool {
	dead, self := map[int]bool{}, os.Getpid()
	for _, p := range processes() {
		if !p.zombie || p.parent != self {
			continue
		}
		if before[p.pid] {
			_, _ = syscall.Wait4(p.pid, nil, syscall.WNOHANG, nil)
		} else {
			dead[p.pid] = true
		}
	}
	return dead
}
