package storetest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/memory"
	"github.com/mailrig/mailrig/internal/store/storetest"
)

// TestSlowAndFailing checks that a slow store passes, even if it fails now and then before anything is done, as long as
// its callers retry. Being slow makes the calls of different sessions overlap.
func TestSlowAndFailing(t *testing.T) {
	t.Parallel()
	var failed atomic.Int64
	t.Cleanup(func() {
		if n := failed.Load(); n < 10 {
			t.Errorf("%d calls failed: this shows nothing", n)
		}
	})
	storetest.Run(t, func(testing.TB) store.Store {
		st := storetest.Wrap(memory.New(memory.Options{}), func(_ context.Context, call string, do func() error) error {
			for range rand.IntN(10) {
				runtime.Gosched()
			}
			if rand.IntN(10) == 0 {
				failed.Add(1)
				return fmt.Errorf("%s: %w", call, store.ErrUnavailable)
			}
			return do()
		})
		return storetest.Retry(st)
	})
}
