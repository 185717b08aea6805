package state_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/state"
	"github.com/mailrig/mailrig/internal/state/statetest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	statetest.Run(t, func(testing.TB) statetest.Rig {
		var passed atomic.Int64
		m := state.NewMemory(func() time.Time { return time.Now().Add(time.Duration(passed.Load())) })
		return statetest.Rig{Stores: []state.Store{m, m}, Advance: func(d time.Duration) { passed.Add(int64(d)) }}
	})
}
