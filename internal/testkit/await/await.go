// Package await lets a test wait for what comes true at a time of its own, in another goroutine or another process. The test
// goes on as soon as it has come true, and fails when its patience has run out. A sleep would be too long on one machine and
// too short on another.
//
// A test that can wait for a channel, or that can stop the clock with testing/synctest, needs none of this.
package await

import (
	"fmt"
	"testing"
	"time"
)

// again is how long it takes until the condition is looked at again.
const again = 5 * time.Millisecond

// True waits until ok returns true. Otherwise it fails the test: what says what should have come true.
func True(t testing.TB, patience time.Duration, what string, ok func() bool) {
	t.Helper()
	if !Until(patience, ok) {
		t.Fatalf("still not after %v: %s", patience, what)
	}
}

// Nil waits until check returns nil. Otherwise it fails the test with the last error.
func Nil(t testing.TB, patience time.Duration, what string, check func() error) {
	t.Helper()
	if err := Error(patience, check); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// Error waits until check returns nil. It returns the last error if that takes longer than patience.
func Error(patience time.Duration, check func() error) error {
	var last error
	if !Until(patience, func() bool { last = check(); return last == nil }) {
		return fmt.Errorf("still not after %v: %w", patience, last)
	}
	return nil
}

// Until waits for a condition, and reports whether it has come true. It looks once at least.
func Until(patience time.Duration, ok func() bool) bool {
	deadline := time.After(patience)
	tick := time.NewTicker(again)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			return false
		}
	}
	return true
}
