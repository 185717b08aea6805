//go:build !unix && !windows

package proctree

import (
	"context"
	"os/exec"
	"time"
)

// system knows only the command itself here.
type system struct{ cmd *exec.Cmd }

func (s *system) prepare(cmd *exec.Cmd, _ Options) error {
	s.cmd = cmd
	return nil
}

func (s *system) holdThread() (release func()) { return func() {} }
func (s *system) begun(*exec.Cmd) error        { return nil }
func (s *system) over()                        {}
func (s *system) members() []Process           { return nil }

func (s *system) signal([]Process, bool) { _ = s.cmd.Process.Kill() }

// EndAll does nothing here.
func EndAll(time.Duration) (ended, left []Process) { return nil, nil }

// Reap does nothing here but wait.
func Reap(ctx context.Context) { <-ctx.Done() }
