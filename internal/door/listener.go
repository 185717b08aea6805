package door

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Mode is what happens to a client that connects to a door.
type Mode int

// The modes of a door.
const (
	Open   Mode = iota // connections are accepted
	Refuse             // connect() fails at once (ECONNREFUSED); the port stays reserved
	Drop               // connect() gets no answer until it times out
)

// String returns the mode's name in scenarios.
func (m Mode) String() string {
	switch m {
	case Open:
		return "open"
	case Refuse:
		return "refuse"
	case Drop:
		return "drop"
	default:
		return fmt.Sprintf("Mode(%d)", int(m))
	}
}

// ErrDropUnsupported is returned (wrapped) by [Listener.SetMode] if the system can't leave a SYN unanswered. The door
// then keeps the mode that it had. The caller may accept connections and stay silent instead, and should say that it
// does.
var ErrDropUnsupported = errors.New("this system cannot leave connection attempts unanswered")

// errDropIneffective is the error for a system that accepts the filter and ignores it.
var errDropIneffective = fmt.Errorf("the kernel accepts the socket filter but does not apply it: %w", ErrDropUnsupported)

const (
	// drainSettle is how long a closed-off socket must show an empty accept queue before it stops listening. It covers
	// handshakes whose last packet is on its way.
	drainSettle = 2 * time.Millisecond
	// drainLimit limits that wait (there may be no file descriptors left).
	drainLimit = time.Second
	// acceptBackoff is the pause after an accept that failed for lack of resources.
	acceptBackoff = 20 * time.Millisecond
)

// Listener hands out the connections of one door. All methods are safe for concurrent use.
type Listener struct {
	door    Door
	log     *slog.Logger
	canDrop func() error // reports whether a socket filter works here; called before the first Drop
	trouble func(d Door, err error)
	sockets []*socket // one per address

	modeMu sync.Mutex // serializes SetMode and Close; taken before mu
	modes  modes

	mu       sync.Mutex
	changed  sync.Cond  // signals any change of the fields below, or of a socket's stop or parked
	queue    []net.Conn // accepted from the kernel, not yet handed out
	draining bool       // empty the kernel's queue, whether or not anybody calls Accept
	closed   bool

	closing   chan struct{} // closed when closed is set
	acceptors sync.WaitGroup
}

func newListener(d Door, sockets []*socket, canDrop func() error, trouble func(Door, error), log *slog.Logger) *Listener {
	l := &Listener{door: d, sockets: sockets, canDrop: canDrop, trouble: trouble, log: log, closing: make(chan struct{})}
	l.changed.L = &l.mu
	for _, s := range sockets {
		l.acceptors.Go(func() { l.acceptFrom(s) })
	}
	return l
}

// Door returns the row of the table that this listener serves.
func (l *Listener) Door() Door { return l.door }

// Addr returns the address to show to people: one that a client on this machine can connect to, IPv4 if there is one.
func (l *Listener) Addr() string {
	best := l.sockets[0]
	for _, s := range l.sockets {
		if s.addr.Addr().Is4() {
			best = s
			break
		}
	}
	return best.dialable().String()
}

// Addrs returns every address that the door listens on.
func (l *Listener) Addrs() []net.Addr {
	var all []net.Addr
	for _, s := range l.sockets {
		all = append(all, net.TCPAddrFromAddrPort(s.addr))
	}
	return all
}

// Mode returns the door's current mode: the one for IPv4 if the two differ.
func (l *Listener) Mode() Mode {
	l.modeMu.Lock()
	defer l.modeMu.Unlock()
	return l.modes.v4
}

// Accept returns the next client, from any of the addresses. While the door refuses or drops, it returns the clients
// that had connected before, and then blocks. After Close it returns [net.ErrClosed].
func (l *Listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.closed && len(l.queue) == 0 {
		l.changed.Wait()
	}
	if l.closed {
		return nil, fmt.Errorf("accept on %v: %w", l.door, net.ErrClosed)
	}
	c := l.queue[0]
	l.queue[0] = nil
	l.queue = l.queue[1:]
	l.changed.Broadcast()
	return c, nil
}

// Close stops listening and waits until nothing of the door is running any more. It disconnects clients that were never
// handed out.
func (l *Listener) Close() {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.closing)
		l.changed.Broadcast()
	}
	l.mu.Unlock()

	l.modeMu.Lock()
	for _, s := range l.sockets {
		s.ln.Close()
	}
	l.modeMu.Unlock()
	l.acceptors.Wait()

	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.queue {
		c.Close()
	}
	l.queue = nil
}

// acceptFrom moves connections from the kernel to the queue, one ahead of Accept.
func (l *Listener) acceptFrom(s *socket) {
	for {
		ln := l.mayAccept(s)
		if ln == nil {
			return
		}
		c, err := ln.Accept()
		if err == nil {
			l.mu.Lock()
			l.queue = append(l.queue, c)
			l.changed.Broadcast()
			l.mu.Unlock()
			continue
		}
		l.mu.Lock()
		expected := l.closed || s.stop
		l.mu.Unlock()
		if expected {
			continue
		}
		l.trouble(l.door, err)
		l.log.Debug("accept failed, trying again", "door", l.door.Port, "address", s.addr, "error", err)
		select {
		case <-l.closing:
		case <-time.After(acceptBackoff):
		}
	}
}

// mayAccept blocks until s should accept one connection. nil means never again.
func (l *Listener) mayAccept(s *socket) net.Listener {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch {
		case l.closed:
			s.parked = true
			l.changed.Broadcast()
			return nil
		case !s.stop && (l.draining || len(l.queue) == 0):
			s.parked = false
			return s.ln
		}
		// Announce it only once: two acceptors would keep waking each other.
		if !s.parked {
			s.parked = true
			l.changed.Broadcast()
		}
		l.changed.Wait()
	}
}

// park stops the acceptor of s and returns when it no longer touches the socket.
func (l *Listener) park(s *socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.stop = true
	// A deadline in the past wakes a blocked Accept. It can fail only on a closed listener, whose Accept returns
	// anyway.
	s.ln.SetDeadline(time.Unix(1, 0))
	l.changed.Broadcast()
	for !s.parked {
		l.changed.Wait()
	}
}

func (l *Listener) unpark(s *socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.ln.SetDeadline(time.Time{})
	s.stop = false
	l.changed.Broadcast()
}

func (l *Listener) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}
