package door

import (
	"net"
	"time"
)

// A door that drops connection attempts never sees a client. The kernel counts what it
// dropped, so one can at least tell that somebody tried.

const (
	knockPoll = 100 * time.Millisecond // between two looks at the counts
	// TCP repeats an attempt after a second and then ever more rarely, for about two
	// minutes (RFC 6298 section 2). So an attempt is taken for a new one if it comes
	// sooner than that after another, or long after.
	knockRepeats = 900 * time.Millisecond
	knockForgets = 3 * time.Minute
)

// Knock is an attempt to connect that a door has dropped. Who it was, nobody knows.
type Knock struct {
	Door Door
	Addr *net.TCPAddr // of the door
}

// WatchKnocks calls on for each attempt to connect that a door leaves unanswered from now
// on, until stop is closed. It never does where the system doesn't tell of them.
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

// attempts tells attempts to connect from their repetitions, by address of a door.
type attempts map[string]attempt

type attempt struct {
	count uint32    // of dropped packets, ever
	last  time.Time // when the count last grew; zero: not yet
}

// fresh reports whether the count that an address has now shows a new attempt. What was
// there when it is first asked about is none.
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
	count uint32 // 0 where the system doesn't tell
}

func (l *Listener) drops() (all []dropped) {
	l.modeMu.Lock()
	defer l.modeMu.Unlock()
	for _, s := range l.sockets {
		all = append(all, dropped{net.TCPAddrFromAddrPort(s.addr), s.drops()})
	}
	return all
}
