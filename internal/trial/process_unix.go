//go:build unix

package trial

import (
	"os"
	"syscall"
)

// signalName returns the signal that ended a process, or "".
func signalName(s *os.ProcessState) string {
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return ws.Signal().String()
	}
	return ""
}
