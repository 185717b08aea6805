//go:build !unix

package trial

import (
	"os"
	"os/exec"
)

// Without sessions, only the command itself can be killed. Its children end when their connections and their output do.

func detach(*exec.Cmd) {}

func terminateSession(p *os.Process) { _ = p.Kill() }

func killSession(*os.Process) {}

func signalName(*os.ProcessState) string { return "" }
