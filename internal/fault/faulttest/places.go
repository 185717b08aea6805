package faulttest

import (
	"sync"

	"github.com/mailrig/mailrig/internal/fault"
)

func hold(e *env) {
	k, other := fault.Key{Rule: "s/0", Subject: "alice"}, fault.Key{Rule: "s/0", Subject: "bob"}
	if e.hold(k, 0) {
		e.Error("one of no places")
	}
	for i, want := range []bool{true, true, false} {
		if e.hold(k, 2) != want {
			e.Fatalf("two places: the next after %d is free, or not, and shouldn't be so", i)
		}
	}
	if !e.hold(other, 1) {
		e.Error("another subject has no place")
	}
	e.must(e.some.Release(e.ctx, k))
	if !e.hold(k, 2) || e.hold(k, 2) {
		e.Error("one that was released makes room for other than one")
	}
	for range 2 {
		e.must(e.some.Release(e.ctx, k))
	}
	e.must(e.some.Release(e.ctx, k)) // nobody holds it
	if !e.hold(k, 1) || e.hold(k, 1) {
		e.Error("releasing what nobody holds makes another place")
	}
}

// holdTogether checks that of many who ask at once, exactly as many get a place as there are, again and again.
func holdTogether(e *env) {
	const places, rounds = 3, 15
	k := fault.Key{Rule: "s/0", Subject: "alice"}
	for round := range rounds {
		var mu sync.Mutex
		var held []fault.Counters
		e.together(24, func(c fault.Counters) error {
			ok, err := c.Hold(e.ctx, k, places)
			if ok {
				mu.Lock()
				defer mu.Unlock()
				held = append(held, c)
			}
			return err
		})
		if len(held) != places {
			e.Fatalf("round %d: %d get a place, want %d", round, len(held), places)
		}
		for _, c := range held {
			e.must(c.Release(e.ctx, k))
		}
	}
}

// oneKeyForAll checks that whatever one process does, the others see.
func oneKeyForAll(e *env) {
	k := fault.Key{Rule: "s/0", Subject: "alice"}
	for i, c := range e.all {
		e.some = c
		if n := e.count(k); n != i {
			e.Errorf("%d, want %d", n, i)
		}
		e.add(k)
		if _, known := e.age(k); known != (i > 0) {
			e.Errorf("%d: known %v", i, known)
		}
		if !e.hold(k, i+1) || e.hold(k, i+1) {
			e.Errorf("%d: other than one place", i)
		}
	}
	for _, c := range e.all {
		e.must(c.Release(e.ctx, k))
	}
	for _, c := range e.all {
		if ok, err := c.Hold(e.ctx, k, 1); err != nil || !ok {
			e.Errorf("the place isn't free: %v", err)
		}
		e.must(c.Release(e.ctx, k))
	}
}
