//go:build unix

package trial

import (
	"os"
	"os/exec"
	"syscall"
)

// detach gives the command a session of its own: a signal to its process group then
// reaches neither us nor the other runs, the terminal's Ctrl-C doesn't reach it, and it
// can't ask the terminal for a password.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// The process group of a session's leader has its number. Signals to one that is gone
// change nothing.

func terminateSession(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGTERM) }

func killSession(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }

// signalName is the signal that ended a process, "" when none did.
func signalName(s *os.ProcessState) string {
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return ws.Signal().String()
	}
	return ""
}
