package trial

import (
	"slices"
	"testing"
	"time"

	"github.com/mailrig/mailrig/scenarios"
)

func find(t *testing.T, name string) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLongWaitsComeFirst(t *testing.T) {
	t.Parallel()
	limit := 30 * time.Second
	for _, name := range []string{"smtp-stalled-upload", "tls-handshake-stall", "port-25-blocked", "starttls-then-stall"} {
		if got := waits(find(t, name), limit); got != limit {
			t.Errorf("%s: %v", name, got)
		}
	}
	names := []string{"silent-server", "slow-greeting", "smtp-slow-replies", "cert-expired"}
	var times []time.Duration
	for _, n := range names {
		times = append(times, waits(find(t, n), limit))
	}
	if !slices.IsSortedFunc(times, func(a, b time.Duration) int { return int(b - a) }) || times[0] != limit || times[3] != 0 {
		t.Errorf("%v: %v", names, times)
	}
}
