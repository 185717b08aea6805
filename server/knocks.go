package server

import (
	"net"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/transcript"
)

// A door that drops connection attempts never sees a client. The kernel counts what it
// dropped, so one can at least tell that somebody tried. The count is looked at in
// turns, as long as a door drops.

const (
	knockPoll = 100 * time.Millisecond
	// TCP repeats an attempt after a second and then ever more rarely, for about two
	// minutes. So an attempt is taken for a new one if it comes sooner than that after
	// another, or long after.
	knockRepeats = 900 * time.Millisecond
	knockForgets = 3 * time.Minute
)

// Unknown stands for the address of a client that nobody saw.
const unknownClient = "unknown"

// watchKnocks makes a session of each connection attempt that a door dropped, until
// stop is closed.
func (s *Server) watchKnocks(stop <-chan struct{}) {
	tick := time.NewTicker(knockPoll)
	defer tick.Stop()
	seen := map[string]uint32{}
	last := map[string]time.Time{}
	for _, l := range s.doors.Listeners() {
		for _, k := range l.Knocks() {
			seen[k.Addr.String()] = k.Count
		}
	}
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			for _, l := range s.doors.Listeners() {
				s.knocks(l, seen, last, now)
			}
		}
	}
}

func (s *Server) knocks(l *door.Listener, seen map[string]uint32, last map[string]time.Time, now time.Time) {
	d := l.Door()
	for _, k := range l.Knocks() {
		address := k.Addr.String()
		if k.Count == seen[address] {
			continue
		}
		seen[address] = k.Count
		pause := now.Sub(last[address])
		last[address] = now
		if pause > knockRepeats && pause < knockForgets {
			continue
		}
		plan := s.active.plan(s.ctx)
		mode, by := plan.Listen(d.Port, string(d.Protocol), isV6(k.Addr))
		if modeOf(mode) != door.Drop {
			continue
		}
		rec := s.log.Begin(transcript.Info{
			Door: d.Port, Service: d.Service, Protocol: string(d.Protocol), Security: string(d.Security),
			Client: unknownClient, Server: address, Scenarios: slices.Clone(plan.Scenarios()),
		})
		rec.Mark(transcript.Knocked, "somebody tried to connect and got no answer", by)
		rec.End(transcript.EndedByScenario)
	}
}

func isV6(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.To4() == nil
}
