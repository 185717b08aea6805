package await

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		after := func(d time.Duration) func() bool { return func() bool { return time.Since(began) >= d } }
		if !Until(time.Second, after(500*time.Millisecond)) || time.Since(began) != 500*time.Millisecond {
			t.Errorf("waited for %v", time.Since(began))
		}
		if began = time.Now(); Until(time.Second, after(time.Minute)) || time.Since(began) != time.Second {
			t.Errorf("gave up after %v", time.Since(began))
		}
		if !Until(0, func() bool { return true }) {
			t.Error("doesn't look without patience")
		}
	})
}

func TestError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		away := errors.New("away")
		if err := Error(time.Second, func() error {
			if looks++; looks < 3 {
				return away
			}
			return nil
		}); err != nil || looks != 3 {
			t.Errorf("%v after %d looks", err, looks)
		}
		if err := Error(time.Second, func() error { return away }); !errors.Is(err, away) || !strings.Contains(err.Error(), "still not after 1s") {
			t.Error(err)
		}
	})
}
