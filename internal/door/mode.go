package door

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// SetMode switches the door. When it returns, every new client meets the new mode. Accept still hands out a client that
// connected before. For Drop it returns [ErrDropUnsupported] if the system can't do that. After an error the door has
// the mode that it had before.
//
// The modes form a line: open - drop - refuse. Every switch walks along it, so a door always stops accepting new
// clients before it stops listening. Where connections can't be dropped, the way to refuse leaves that step out, and a
// client that connects at that moment may be reset. A socket that has its mode already isn't touched.
func (l *Listener) SetMode(m Mode) error { return l.SetModes(m, m) }

// SetModes is SetMode with a mode for IPv4 and another for IPv6.
func (l *Listener) SetModes(v4, v6 Mode) error {
	for _, m := range []Mode{v4, v6} {
		if m < Open || m > Drop {
			return fmt.Errorf("no such mode: %v", m)
		}
	}
	want := modes{v4, v6}
	l.modeMu.Lock()
	defer l.modeMu.Unlock()
	if l.isClosed() {
		return fmt.Errorf("switch %v to %v: %w", l.door, want, net.ErrClosed)
	}
	if v4 == Drop || v6 == Drop {
		if err := l.canDrop(); err != nil {
			return fmt.Errorf("switch %v to drop: %w", l.door, err)
		}
	}
	if err := l.switchTo(want); err != nil {
		back := l.switchTo(l.modes)
		return fmt.Errorf("switch %v to %v: %w", l.door, want, errors.Join(err, back))
	}
	l.modes = want
	return nil
}

// modes are a door's modes for IPv4 and IPv6.
type modes struct{ v4, v6 Mode }

// of returns the mode of a socket.
func (m modes) of(s *socket) Mode {
	if s.addr.Addr().Is4() {
		return m.v4
	}
	return m.v6
}

func (m modes) String() string {
	if m.v4 == m.v6 {
		return m.v4.String()
	}
	return fmt.Sprintf("%v (IPv4), %v (IPv6)", m.v4, m.v6)
}

func (l *Listener) switchTo(want modes) error {
	// First leave refuse. While a filter is attached, the socket listens but receives nothing.
	refuses := false
	for _, s := range l.sockets {
		if want.of(s) == Refuse {
			refuses = true
			continue
		}
		if !s.refusing {
			continue
		}
		if err := s.listenAgain(); err != nil {
			return fmt.Errorf("%s: listen again: %w", s.addr, err)
		}
		s.refusing = false
		l.unpark(s)
	}
	// Then reach open or drop.
	for _, s := range l.sockets {
		if s.refusing {
			continue
		}
		if err := l.setDeaf(s, want.of(s)); err != nil {
			return fmt.Errorf("%s: %w", s.addr, err)
		}
	}
	if !refuses {
		return nil
	}
	// Then go on to refuse.
	l.drain(want)
	for _, s := range l.sockets {
		if s.refusing || want.of(s) != Refuse {
			continue
		}
		l.park(s)
		if err := s.stopListening(); err != nil {
			l.unpark(s)
			return fmt.Errorf("%s: stop listening: %w", s.addr, err)
		}
		s.refusing = true
	}
	return nil
}

// setDeaf makes a socket that listens answer connection attempts, or leave them unanswered, as the mode requires.
func (l *Listener) setDeaf(s *socket, m Mode) error {
	switch {
	case s.deaf == (m != Open), m == Refuse && l.canDrop() != nil:
		return nil
	case s.deaf:
		if err := s.hear(); err != nil {
			return fmt.Errorf("answer connection attempts again: %w", err)
		}
		s.deaf = false
		return nil
	}
	err := s.ignore()
	s.deaf = err == nil
	if m == Refuse {
		return nil // it can be refused all the same
	}
	return err
}

// drain accepts every client that the kernel has already connected, because a socket that stops listening resets them.
func (l *Listener) drain(want modes) {
	l.setDraining(true)
	defer l.setDraining(false)
	tick := time.NewTicker(drainSettle)
	defer tick.Stop()
	limit := time.NewTimer(drainLimit)
	defer limit.Stop()
	for {
		select {
		case <-tick.C:
		case <-limit.C:
			l.log.Warn("clients that had just connected may be reset", "door", l.door.Port)
			return
		case <-l.closing:
			return
		}
		waiting := 0
		for _, s := range l.sockets {
			if !s.refusing && want.of(s) == Refuse {
				waiting += s.waiting()
			}
		}
		if waiting == 0 {
			return
		}
	}
}

func (l *Listener) setDraining(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.draining = on
	l.changed.Broadcast()
}
