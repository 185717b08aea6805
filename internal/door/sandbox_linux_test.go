package door

import (
	"errors"
	"syscall"
	"testing"
)

// soLockFilter is SO_LOCK_FILTER, which package syscall lacks: from then on, a socket's filter can't be changed.
const soLockFilter = 44

// sandboxed returns a door on a kernel that knows no socket filters: qemu-user, or a sandbox that imitates Linux.
func sandboxed(t *testing.T) *Listener {
	t.Helper()
	l := openSet(t).Listeners()[0]
	l.canDrop = func() error { return ErrDropUnsupported }
	for _, s := range l.sockets {
		if err := control(s.ln, func(fd int) error {
			return syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, soLockFilter, 1)
		}); err != nil {
			t.Fatal(err)
		}
		if s.hear() == nil {
			t.Fatal("a filter can be detached")
		}
	}
	return l
}

// TestSocketsAreTouchedForScenariosOnly checks that a door which is open needs nothing from the kernel that only a
// scenario needs.
func TestSocketsAreTouchedForScenariosOnly(t *testing.T) {
	t.Parallel()
	l := sandboxed(t)
	mustSet(t, l, Open)
	if err := l.SetMode(Drop); !errors.Is(err, ErrDropUnsupported) {
		t.Errorf("drop: %v", err)
	}
	mustSet(t, l, Open) // what the server does then
	for range 2 {
		mustSet(t, l, Refuse)
		for _, addr := range addrsOf(l) {
			wantRefused(t, addr)
		}
		mustSet(t, l, Open)
		for _, addr := range addrsOf(l) {
			acceptFrom(t, l, mustDial(t, addr))
		}
	}
}
