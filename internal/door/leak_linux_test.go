package door

import (
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
)

func openFDs(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(fds)
}

// Not parallel, so that nothing else in this process opens files meanwhile.
func TestNoLeaks(t *testing.T) {
	openCloseAll := func() {
		set, err := Listen(t.Context(), Config{Offset: Random()})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range set.Listeners() {
			mustSet(t, l, Refuse)
			mustSet(t, l, Open)
			c := mustDial(t, l.Addr()) // in the queue, never accepted
			c.Close()
			mustSet(t, l, Refuse)
		}
		set.Close()
	}
	openCloseAll() // the runtime's own poller opens files the first time
	fds, routines := openFDs(t), runtime.NumGoroutine()
	for range 3 {
		openCloseAll()
	}
	for deadline := time.Now().Add(soon); ; runtime.Gosched() {
		f, r := openFDs(t), runtime.NumGoroutine()
		if f <= fds && r <= routines {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("file descriptors %d, before %d; goroutines %d, before %d", f, fds, r, routines)
		}
	}
}

// TestIdle checks that a waiting door uses no processor time, in any mode. It isn't parallel.
func TestIdle(t *testing.T) {
	needDrop(t)
	set := openSet(t)
	ls := set.Listeners()
	mustSet(t, ls[0], Refuse)
	mustSet(t, ls[1], Drop)
	mustDial(t, ls[2].Addr()) // a client that nobody accepts
	cpu := func() time.Duration {
		var ru syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
			t.Fatal(err)
		}
		return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
	}
	before := cpu()
	const wait = 300 * time.Millisecond
	if _, err := net.DialTimeout("tcp", ls[1].Addr(), wait); err == nil {
		t.Fatal("connected")
	}
	if used := cpu() - before; used > wait/3 {
		t.Errorf("%v of processor time in %v of waiting", used, wait)
	}
}
