package door

import (
	"net"
	"time"
)

// A door that drops connection attempts never sees a client. But the kernel counts the packets that it dropped, so
// mailrig can at least tell that somebody tried.

const (
	knockPoll = 100 * time.Millisecond // between two checks of the counts
	// TCP repeats an attempt after a second and then at growing intervals, for about two minutes (RFC 6298 section 2).
	// An attempt counts as new if it comes sooner than that after another one, or long after it.
	knockRepeats = 900 * time.Millisecond
	knockForgets = 3 * time.Minute
)

// Knock is an attempt to connect that a door has dropped. Nobody knows whose attempt it was.
type Knock struct {
	Door Door
	Addr *net.TCPAddr // of the door
}

// WatchKnocks calls on for each attempt to connect that a door leaves unanswered, until stop is closed. It never calls
// on if the system doesn't report such attempts.
func (s *Set) WatchKnocks(stop <-chan struct{}, on func(Knock)) {
	tick := time.NewTicker(knockPoll)
	defer tick.Stop()
	var seen attempts
	for now := time.Now(); ; {
		for _, l := range s.listeners {
			for _, d := range l.drops() {
				if seen.fresh(d.addr.String(), d.count, now) {
					on(Knock{l.Door(), d.addr})
				}
			}
		}
		select {
		case <-stop:
			return
		case now = <-tick.C:
		}
	}
}

// attempts distinguishes attempts to connect from their repetitions. The key is an address of a door.
type attempts map[string]attempt

type attempt struct {
	count uint32    // dropped packets ever
	last  time.Time // when the count last grew; zero: never
}

// fresh reports whether an address's current count shows a new attempt. The first count of an address shows none.
func (a *attempts) fresh(addr string, count uint32, now time.Time) bool {
	if *a == nil {
		*a = attempts{}
	}
	before, known := (*a)[addr]
	if !known {
		(*a)[addr] = attempt{count: count}
		return false
	}
	if count == before.count {
		return false
	}
	(*a)[addr] = attempt{count, now}
	pause := now.Sub(before.last)
	return before.last.IsZero() || pause <= knockRepeats || pause >= knockForgets
}

// dropped is how many packets an address of a door has ever dropped.
type dropped struct {
	addr  *net.TCPAddr
	count uint32 // 0 if the system doesn't tell
}

func (l *Listener) drops() (all []dropped) {
	l.modeMu.Lock()
	defer l.modeMu.Unlock()
	for _, s := range l.sockets {
		all = append(all, dropped{net.TCPAddrFromAddrPort(s.addr), s.drops()})
	}
	return all
}
