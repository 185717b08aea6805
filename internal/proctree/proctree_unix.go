//go:build unix && !linux

package proctree

import (
	"context"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// system is what a Tree needs to know on Unix systems without a reaper of orphans.
type system struct {
	session bool

	mu   sync.Mutex
	pid  int
	seen map[int]bool
}

func (s *system) prepare(cmd *exec.Cmd, o Options) error {
	s.session, s.seen = o.Session, map[int]bool{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: o.Session}
	return nil
}

func (s *system) holdThread() (release func()) { return func() {} }

func (s *system) begun(cmd *exec.Cmd) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pid = cmd.Process.Pid
	return nil
}

func (s *system) over() {}

// members lists the tree's processes that run.
func (s *system) members() (list []Process) {
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,pgid=,stat=,comm=").Output()
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range treeOf(parsePS(string(out)), func(p *listed) bool {
		return p.PID == s.pid || s.session && p.group == s.pid || s.seen[p.PID]
	}) {
		s.seen[p.PID] = true
		list = append(list, p)
	}
	return list
}

func (s *system) signal(list []Process, kill bool) {
	for _, p := range list {
		if kill {
			_ = syscall.Kill(p.PID, syscall.SIGKILL)
			continue
		}
		_ = syscall.Kill(p.PID, syscall.SIGTERM)
		_ = syscall.Kill(p.PID, syscall.SIGCONT) // a stopped process gets SIGTERM only when it goes on
	}
}

// EndAll does nothing here: orphans belong to the system's first process.
func EndAll(time.Duration) (ended, left []Process) { return nil, nil }

// Reap does nothing here but wait: orphans belong to the system's first process.
func Reap(ctx context.Context) { <-ctx.Done() }
