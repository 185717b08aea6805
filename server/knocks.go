package server

import (
	"slices"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/event"
)

// unknownClient stands for the address of a client that nobody saw.
const unknownClient = "unknown"

// watchKnocks makes a session of each connection attempt that a door drops, until stop is closed.
func (s *Server) watchKnocks(stop <-chan struct{}) { s.doors.WatchKnocks(stop, s.knocked) }

func (s *Server) knocked(k door.Knock) {
	d, plan := k.Door, s.active.plan(s.ctx)
	mode, by := plan.Listen(d.Port, string(d.Protocol), k.Addr.IP.To4() == nil)
	if modeOf(mode) != door.Drop {
		return // the door stopped dropping a moment ago
	}
	rec := s.journal.Begin(event.Info{
		Door: d.Port, Service: d.Service, Protocol: string(d.Protocol), Security: string(d.Security),
		Client: unknownClient, Server: k.Addr.String(), Scenarios: slices.Clone(plan.Scenarios()),
	})
	rec.Notice(event.Knocked, by)
	rec.End(event.EndedByScenario)
}
