package state_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailrig/mailrig/internal/state"
)

func numbers(t *testing.T, st state.Store) *state.Numbers {
	t.Helper()
	n, err := state.OpenNumbers(t.Context(), st, "n", 10, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestNumbers checks that numbers go on where they ended, with a gap after a crash, and that two processes share none.
func TestNumbers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := state.NewMemory(nil)
		count := func(n *state.Numbers, how int) (last string) {
			for range how {
				last = n.Next()
				synctest.Wait() // more are taken meanwhile
			}
			return last
		}
		a := numbers(t, st)
		if got := count(a, 23); got != "23" {
			t.Errorf("the 23rd is %s", got)
		}
		if err := a.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		b := numbers(t, st)
		if got := count(b, 1); got != "24" {
			t.Errorf("after Close, the next is %s", got)
		}
		c := numbers(t, st) // b is still there, or has crashed
		if got := b.Peek(); got != 25 {
			t.Errorf("it would go on with %d", got)
		}
		first := count(c, 1)
		if first == "25" || len(first) != 2 {
			t.Errorf("another process begins with %s", first)
		}
		seen := map[string]bool{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				for range 50 {
					got := []*state.Numbers{b, c}[i%2].Next()
					mu.Lock()
					if seen[got] {
						t.Errorf("%s is handed out twice", got)
					}
					seen[got] = true
					mu.Unlock()
				}
			})
		}
		wg.Wait()
	})
}

// failing is a store that can't be reached.
type failing struct{ state.Store }

func (failing) Take(context.Context, string, int) (uint64, error) { return 0, errors.New("away") }

// TestNumbersWithoutStore checks that nobody waits while the store is away, and that no number comes twice.
func TestNumbersWithoutStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := state.NewMemory(nil)
		if err := numbers(t, st).Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		n := numbers(t, failing{st})
		var got []string
		for range 13 {
			got = append(got, n.Next())
			time.Sleep(time.Hour)
		}
		if text := strings.Join(got[8:], " "); text != "9 10 10.1 10.2 10.3" {
			t.Errorf("got %s", text)
		}
		if err := n.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if next := fmt.Sprint(numbers(t, st).Peek()); next != "11" {
			t.Errorf("another one begins with %s", next)
		}
	})
}

// TestNumbersOfAFullStore checks that numbers without a block are unique, and that blocks are taken as soon as it is possible.
func TestNumbersOfAFullStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := state.NewMemory(nil)
		full := &failing{st}
		a, errA := state.OpenNumbers(t.Context(), full, "n", 10, slog.New(slog.DiscardHandler))
		b, errB := state.OpenNumbers(t.Context(), full, "n", 10, slog.New(slog.DiscardHandler))
		if errA == nil || errB == nil || a.Peek() != 0 {
			t.Fatalf("%v, %v, %d", errA, errB, a.Peek())
		}
		seen := map[string]bool{}
		for _, n := range []*state.Numbers{a, b, a, b} {
			seen[n.Next()] = true
		}
		if len(seen) != 4 {
			t.Errorf("some came twice: %v", seen)
		}
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
