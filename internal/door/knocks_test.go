package door

import (
	"testing"
	"time"
)

func TestAttemptsAndTheirRepetitions(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	var a attempts
	for _, step := range []struct {
		addr  string
		count uint32
		after time.Duration // since the beginning
		fresh bool
	}{
		{"a", 7, 0, false},               // from before
		{"a", 7, time.Second, false},     // nothing has come
		{"a", 8, 2 * time.Second, true},  // the first attempt
		{"b", 0, 2 * time.Second, false}, // another address
		{"b", 1, 2100 * time.Millisecond, true},
		{"a", 9, 2500 * time.Millisecond, true},   // sooner than TCP would repeat it
		{"a", 10, 3500 * time.Millisecond, false}, // TCP's repetition after a second
		{"a", 11, 6 * time.Second, false},         // another one after two more
		{"a", 12, 70 * time.Second, false},        // another one after a minute
		{"a", 13, 5 * time.Minute, true},          // too late for a repetition
		{"a", 13, 6 * time.Minute, false},
	} {
		if got := a.fresh(step.addr, step.count, begin.Add(step.after)); got != step.fresh {
			t.Errorf("%s has dropped %d after %v: fresh is %v", step.addr, step.count, step.after, got)
		}
	}
}
