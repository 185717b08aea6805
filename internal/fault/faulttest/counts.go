package faulttest

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
)

func add(e *env) {
	for _, k := range []fault.Key{{Rule: "s/0"}, {Rule: "s/0", Subject: "alice"}} {
		for want := 1; want <= 5; want++ {
			if n := e.add(k); n != want {
				e.Errorf("%v: %d, want %d", k, n, want)
			}
		}
	}
}

func count(e *env) {
	k := fault.Key{Rule: "s/0", Subject: "alice"}
	for want := range 3 {
		if n := e.count(k); n != want {
			e.Errorf("%d, want %d", n, want)
		}
		e.add(k)
	}
}

// keys checks that neither rules nor subjects are mixed up, nor what is remembered about one of them.
func keys(e *env) {
	var all []fault.Key
	for _, rule := range []string{"s/0", "s/1", "s/0/after"} {
		all = append(all, fault.Key{Rule: rule})
		for _, s := range strange {
			all = append(all, fault.Key{Rule: rule, Subject: s})
		}
	}
	for i, k := range all {
		for range i {
			e.add(k)
		}
	}
	for i, k := range all {
		if n := e.count(k); n != i {
			e.Errorf("%.40q: %d, want %d", k, n, i)
		}
		if _, known := e.age(k); known {
			e.Errorf("%.40q: the first time is known", k)
		}
		if !e.allow(k, 1, time.Hour) || e.allow(k, 1, time.Hour) {
			e.Errorf("%.40q: other than one moment is allowed", k)
		}
		if !e.hold(k, 1) || e.hold(k, 1) {
			e.Errorf("%.40q: there is other than one place", k)
		}
		if _, known := e.age(k); !known {
			e.Errorf("%.40q: the first time isn't known", k)
		}
		if n := e.count(k); n != i {
			e.Errorf("%.40q: %d in the end, want %d", k, n, i)
		}
	}
}

// together asks from several goroutines at all counters.
func (e *env) together(times int, do func(fault.Counters) error) {
	e.Helper()
	var group sync.WaitGroup
	for i := range times {
		group.Go(func() {
			if err := do(e.all[i%len(e.all)]); err != nil {
				e.Error(err)
			}
		})
	}
	group.Wait()
}

// addTogether checks that each who asks gets a number of its own.
func addTogether(e *env) {
	for _, k := range []fault.Key{{Rule: "s/0"}, {Rule: "s/0", Subject: "alice"}} {
		const times = 60
		var mu sync.Mutex
		var got []int
		e.together(times, func(c fault.Counters) error {
			n, err := c.Add(e.ctx, k)
			mu.Lock()
			defer mu.Unlock()
			got = append(got, n)
			return err
		})
		slices.Sort(got)
		for i, n := range got {
			if n != i+1 {
				e.Fatalf("%v: the counts are %v", k, got)
			}
		}
	}
}

func allow(e *env) {
	k := fault.Key{Rule: "s/0", Subject: "alice"}
	if e.allow(k, 0, time.Hour) {
		e.Error("one of no moments is allowed")
	}
	const within = 300 * time.Millisecond
	began := time.Now()
	for range 2 {
		if !e.allow(k, 2, within) {
			e.Fatal("refused within the limit")
		}
	}
	if e.allow(k, 2, within) && time.Since(began) < within {
		e.Error("a third moment is allowed")
	}
	e.eventually("there is room again", func() bool { return e.allow(k, 2, within) })
	if passed := time.Since(began); passed < within {
		e.Errorf("there is room again after %v", passed)
	}
}

// allowMany checks that a limit holds while moments come and go.
func allowMany(e *env) {
	const limit, within = 3, 100 * time.Millisecond
	k := fault.Key{Rule: "s/0"}
	var before, after []time.Time // of asking for each moment that was allowed
	e.eventually("moments are allowed", func() bool {
		asked := time.Now()
		if e.allow(k, limit, within) {
			before, after = append(before, asked), append(after, time.Now())
		}
		return len(before) >= 5*limit
	})
	for i := limit; i < len(before); i++ {
		if passed := after[i].Sub(before[i-limit]); passed < within {
			e.Errorf("%d moments are allowed within %v", limit+1, passed)
		}
	}
}

// allowTogether checks that exactly as many get through as are allowed.
func allowTogether(e *env) {
	const limit = 7
	var allowed atomic.Int64
	e.together(40, func(c fault.Counters) error {
		ok, err := c.Allow(e.ctx, fault.Key{Rule: "s/0", Subject: "alice"}, limit, time.Hour)
		if ok {
			allowed.Add(1)
		}
		return err
	})
	if n := allowed.Load(); n != limit {
		e.Errorf("%d are allowed, want %d", n, limit)
	}
}

func age(e *env) {
	k := fault.Key{Rule: "s/0", Subject: "alice"}
	if a, known := e.age(k); known || a != 0 {
		e.Fatalf("it is known for %v from the beginning", a)
	}
	began := time.Now()
	last := time.Duration(-1)
	e.eventually("it gets older", func() bool {
		a, known := e.age(k)
		if !known || a < last {
			e.Fatalf("known %v, %v old after %v", known, a, last)
		}
		last = a
		return a > 20*time.Millisecond
	})
	if passed := time.Since(began); last > passed+time.Second {
		e.Errorf("it is %v old after %v", last, passed)
	}
}

// ageTogether checks that exactly one is the first.
func ageTogether(e *env) {
	var first atomic.Int64
	e.together(40, func(c fault.Counters) error {
		_, known, err := c.Age(e.ctx, fault.Key{Rule: "s/0", Subject: "alice"})
		if !known {
			first.Add(1)
		}
		return err
	})
	if n := first.Load(); n != 1 {
		e.Errorf("%d are the first", n)
	}
}

// contextEnds checks that nobody waits for counters after a context has ended. Counters in memory may answer.
func contextEnds(e *env) {
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	k := fault.Key{Rule: "s/0"}
	if n, err := e.some.Add(ctx, k); err == nil && n != 1 {
		e.Errorf("%d without an error", n)
	}
	if _, err := e.some.Hold(ctx, k, 1); err == nil {
		e.must(e.some.Release(e.ctx, k))
	}
	if !e.hold(k, 1) {
		e.Error("a place is held by nobody")
	}
}

// few is the bound in the test that is about it.
const few = 100

// forget checks that old subjects are forgotten, but neither what has no subject nor a place.
func forget(e *env) {
	whole, place, recent := fault.Key{Rule: "s/0"}, fault.Key{Rule: "s/1", Subject: "alice"}, fault.Key{Rule: "s/2", Subject: "recent"}
	e.add(whole)
	if !e.hold(place, 1) {
		e.Fatal("no place")
	}
	subject := func(i int) fault.Key { return fault.Key{Rule: "s/3", Subject: strconv.Itoa(i)} }
	for i := range 10 * few {
		switch k := subject(i); i % 3 {
		case 0:
			e.add(k)
		case 1:
			e.age(k)
		default:
			e.allow(k, 5, time.Hour)
		}
		if i%(few/10) == 0 {
			e.add(recent)
		}
	}
	if n := e.add(whole); n != 2 {
		e.Errorf("what has no subject has the count %d", n)
	}
	if e.hold(place, 1) {
		e.Error("a place was forgotten")
	}
	if n := e.count(recent); n != 100 {
		e.Errorf("what was often asked for has the count %d, want 100", n)
	}
	kept := 0
	for i := range 10 * few {
		if i%3 == 0 && e.count(subject(i)) == 1 {
			if kept++; i < 5*few {
				e.Errorf("%d hasn't been forgotten", i)
			}
		}
	}
	if kept == 0 || kept > 2*few {
		e.Errorf("%d are kept, the bound is %d", kept, few)
	}
}
