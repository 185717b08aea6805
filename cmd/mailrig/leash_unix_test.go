//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// heeding runs the tests in a process that may have been started with SIGHUP ignored, as with nohup. Programs that it
// starts would inherit that, and no shell can undo it (POSIX, sh, trap). A signal that this process catches has its
// default action in programs that it starts.
type heeding struct{ *testing.M }

func (m heeding) Run() int {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	return m.M.Run()
}

// leash CMD... runs a command that leaves nothing running. What the command has started ends when the command has
// ended, when a script's time is over (SIGQUIT), or when the tests have died. Scripts that start something in the
// background use it.
func leash() {
	const (
		look  = 100 * time.Millisecond
		grace = 2 * time.Second // for mailrig to end what it has started in other sessions
	)
	parent := os.Getppid()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGQUIT, syscall.SIGTERM, os.Interrupt)
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(127)
	}
	group := -cmd.Process.Pid
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(look)
	for {
		select {
		case err := <-ended:
			_ = syscall.Kill(group, syscall.SIGKILL)
			var exit *exec.ExitError
			switch {
			case errors.As(err, &exit):
				os.Exit(exitStatus(exit.ProcessState))
			case err != nil:
				fmt.Fprintln(os.Stderr, err)
				os.Exit(127)
			}
			return
		case <-signals:
		case <-tick.C:
			if os.Getppid() == parent {
				continue
			}
		}
		_ = syscall.Kill(group, syscall.SIGTERM)
		for over := time.Now().Add(grace); time.Now().Before(over) && syscall.Kill(group, 0) == nil; {
			<-tick.C
		}
		_ = syscall.Kill(group, syscall.SIGKILL)
		os.Exit(124)
	}
}
