// Package statetest is the test suite that every state.Store must pass:
//
//	func TestState(t *testing.T) {
//		statetest.Run(t, func(t testing.TB) statetest.Rig { … })
//	}
//
// It checks only what the interface promises. Where a test awaits a token, it waits up to 20 s.
package statetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/state"
)

// Rig is what the tests run against.
type Rig struct {
	// Stores are one store, as several processes see it. One is enough.
	Stores []state.Store
	// Advance moves the store's clock, which shows the present time at first. If it is nil, the tests wait instead.
	Advance func(time.Duration)
}

// Run runs the suite. open returns an empty store. It is called once for each test, and registers whatever must be closed
// with t.Cleanup.
func Run(t *testing.T, open func(t testing.TB) Rig) {
	tests := map[string]func(*env){
		"Values":          values,
		"Limits":          limits,
		"Conditions":      conditions,
		"AllOrNothing":    allOrNothing,
		"List":            list,
		"Clear":           clearing,
		"Claim":           claim,
		"LeaseEnds":       leaseEnds,
		"ClaimOnce":       claimOnce,
		"CountTogether":   countTogether,
		"Take":            take,
		"TakeTogether":    takeTogether,
		"Watch":           watch,
		"NewsIsNeverLost": newsIsNeverLost,
		"ContextEnds":     contextEnds,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rig := open(t)
			test(&env{T: t, Store: rig.Stores[0], rig: rig, ctx: t.Context()})
		})
	}
}

// patience is how long news may take.
const patience = 20 * time.Second

// env is what a test works with. Its methods fail the test instead of returning errors.
type env struct {
	*testing.T
	state.Store
	rig Rig
	ctx context.Context
}

// other returns the store as another process sees it, if there is one.
func (e *env) other(i int) state.Store { return e.rig.Stores[i%len(e.rig.Stores)] }

func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

func (e *env) wantErr(what string, err, want error) {
	e.Helper()
	if !errors.Is(err, want) {
		e.Errorf("%s: %v, want %v", what, err, want)
	}
}

func (e *env) apply(changes ...state.Change) state.Version {
	e.Helper()
	v, err := e.Apply(e.ctx, changes...)
	e.must(err)
	return v
}

func (e *env) get(kind, key string) state.Record {
	e.Helper()
	r, err := e.Get(e.ctx, kind, key)
	e.must(err)
	return r
}

// wantKeys checks the keys and data of a kind: "key=data".
func (e *env) wantAll(kind string, want ...string) {
	e.Helper()
	for i := range e.rig.Stores {
		all, err := e.other(i).List(e.ctx, kind, "", 1000)
		e.must(err)
		if got := texts(all); !slices.Equal(got, want) {
			e.Errorf("%s has %q, want %q", kind, got, want)
		}
	}
}

func texts(list []state.Record) (out []string) {
	for _, r := range list {
		out = append(out, fmt.Sprintf("%s=%s", r.Key, r.Data))
	}
	return out
}

// pass lets time pass.
func (e *env) pass(d time.Duration) {
	if e.rig.Advance != nil {
		e.rig.Advance(d)
		return
	}
	select {
	case <-time.After(d):
	case <-e.ctx.Done():
	}
}
