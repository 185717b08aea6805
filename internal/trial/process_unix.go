//go:build unix

package trial

import (
	"os"
	"os/exec"
	"syscall"
)

// detach gives the command a session of its own. A signal to its process group then reaches neither mailrig nor the
// other runs, the terminal's Ctrl-C doesn't reach the command, and the command can't ask the terminal for a password.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// The process group of a session leader has the leader's process id. A signal to a group that no longer exists has no
// effect.

func terminateSession(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGTERM) }

func killSession(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }

// signalName returns the signal that ended a process, or "".
func signalName(s *os.ProcessState) string {
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return ws.Signal().String()
	}
	return ""
}
