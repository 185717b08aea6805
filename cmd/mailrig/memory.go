package main

import (
	"math"
	"runtime/debug"
	"strconv"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/server"
)

// size is a flag's value: a number of bytes such as 512MB. 0 is unset.
type size int64

func (s *size) Set(text string) error {
	n, err := budget.ParseSize(text)
	if err == nil {
		*s = size(n)
	}
	return err
}

func (s *size) String() string {
	if *s == 0 {
		return ""
	}
	return strconv.FormatInt(int64(*s), 10)
}

func (s *size) Type() string { return "size" }

// outsideHeap is how many bytes the process takes that the Go runtime doesn't manage: the program's own pages.
const outsideHeap = 22 << 20

// boundMemory tells the Go runtime how much memory the rig may take, so that it collects garbage before it takes more.
// GOMEMLIMIT stays as it is, if it is smaller.
func boundMemory(cfg *server.Config) {
	if cfg.MaxMemory == 0 {
		cfg.MaxMemory = budget.Default()
	}
	limit := cfg.MaxMemory - cfg.MaxMemory/16 - outsideHeap
	if now := debug.SetMemoryLimit(-1); now == math.MaxInt64 || limit < now {
		debug.SetMemoryLimit(limit)
	}
}

// shareMemory divides the memory among the rigs that run at a time. 0 means that the trial chooses how many.
func shareMemory(cfg *server.Config, rigs int) {
	boundMemory(cfg)
	if rigs == 0 {
		rigs = 8
	}
	cfg.MaxMemory = max(server.LeastMemory, cfg.MaxMemory/int64(rigs))
}
