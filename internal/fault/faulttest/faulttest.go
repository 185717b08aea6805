// Package faulttest is the test suite that every fault.Counters must pass:
//
//	func TestCounters(t *testing.T) {
//		faulttest.Run(t, func(t testing.TB, most int) []fault.Counters { … })
//	}
//
// It checks only what the interface promises. Where time must pass, a test waits for what it brings, up to 20 s.
package faulttest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
)

// Open returns counters at zero that hold about this many keys and moments: the same ones, as several processes see them.
// One is enough. Whatever must be closed is registered with t.Cleanup.
type Open func(t testing.TB, most int) []fault.Counters

// enough is a bound that no test reaches, unless it is about the bound.
const enough = 10_000

// Run runs the suite. open is called once for each test.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*env){
		"Add":           add,
		"Count":         count,
		"Keys":          keys,
		"AddTogether":   addTogether,
		"Allow":         allow,
		"AllowMany":     allowMany,
		"AllowTogether": allowTogether,
		"Age":           age,
		"AgeTogether":   ageTogether,
		"Hold":          hold,
		"HoldTogether":  holdTogether,
		"OneKeyForAll":  oneKeyForAll,
		"ContextEnds":   contextEnds,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := open(t, enough)
			test(&env{T: t, ctx: t.Context(), all: all, some: all[0]})
		})
	}
	t.Run("Forget", func(t *testing.T) {
		t.Parallel()
		all := open(t, few)
		forget(&env{T: t, ctx: t.Context(), all: all, some: all[0]})
	})
}

// env is what a test works with.
type env struct {
	*testing.T
	ctx  context.Context
	all  []fault.Counters
	some fault.Counters
}

func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

func (e *env) add(k fault.Key) int {
	e.Helper()
	n, err := e.some.Add(e.ctx, k)
	e.must(err)
	return n
}

func (e *env) count(k fault.Key) int {
	e.Helper()
	n, err := e.some.Count(e.ctx, k)
	e.must(err)
	return n
}

func (e *env) allow(k fault.Key, limit int, within time.Duration) bool {
	e.Helper()
	ok, err := e.some.Allow(e.ctx, k, limit, within)
	e.must(err)
	return ok
}

func (e *env) age(k fault.Key) (time.Duration, bool) {
	e.Helper()
	age, known, err := e.some.Age(e.ctx, k)
	e.must(err)
	return age, known
}

func (e *env) hold(k fault.Key, places int) bool {
	e.Helper()
	ok, err := e.some.Hold(e.ctx, k, places)
	e.must(err)
	return ok
}

// patience is how long a condition may take.
const patience = 20 * time.Second

// eventually waits until a condition holds.
func (e *env) eventually(what string, ok func() bool) {
	e.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			e.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// strange are subjects that a client may bring about.
var strange = []string{"alice@example.test", "a\x00b", "a\x00c", "\xff\xfe", "é", "'; --", strings.Repeat("long", 5000), strings.Repeat("long", 5000) + "!", " "}
