package server

import (
	"fmt"
	"net"
	"time"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/gate"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/session"
)

// accept accepts connections at a door until it is closed.
func (s *Server) accept(l *door.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s.welcome(l.Door(), conn)
	}
}

// serve gives a connection its session and its gate.
func (s *Server) serve(d door.Door, conn net.Conn) {
	_, noDrop := s.active.noDrop.Load(d.Port)
	spoken := s.spoken(d)
	plan := fault.Join(s.active.forNext(s.ctx, d, spoken.Protocol, conn), s.active.plan(s.ctx))
	ses := session.New(s.ctx, &s.sessions, d, conn, plan)
	rec := ses.Recorder()
	var g *gate.Gate
	g = gate.New(conn, gate.Config{
		Rig:             &s.rig,
		Protocol:        spoken.Protocol,
		TLS:             d.Security == door.TLS,
		StartTLS:        d.Security != door.TLS,
		DropUnsupported: noDrop,
		Needs:           ses,
		Engine: func(c *gate.Conn) {
			ses.Begin(c)
			spoken.serve(s, c, ses)
		},
		Fault:    ses.Plan(),
		Recorder: rec,
		OnQuiet:  func() { s.watch.Look(rec.ID()) },
		OnDone: func() {
			ses.Close()
			s.forget(g)
		},
	})
	switch s.remember(g) {
	case admitted:
		go g.Run()
	case full:
		s.trouble("connections", fmt.Sprintf("%d connections are open, and further ones are turned away; raise --max-connections if a client needs more", s.bounds.connections))
		rec.Notice(event.TurnedAway, "")
		rec.End(event.EndedByServer)
		ses.Close()
		turnAway(d, spoken.Protocol, conn)
	case stopped:
		rec.End(event.EndedByShutdown)
		ses.Close()
		conn.Close()
	}
}

// hostname is the server's own name.
func (s *Server) hostname() string { return "mail." + s.cfg.Domain }

type admission int

const (
	admitted admission = iota
	full
	stopped
)

func (s *Server) remember(g *gate.Gate) admission {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopping:
		return stopped
	case len(s.gates) >= s.bounds.connections:
		return full
	}
	s.gates[g] = struct{}{}
	s.conns.Add(1)
	return admitted
}

func (s *Server) forget(g *gate.Gate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.gates, g)
	s.conns.Done()
}

// turnAway says that there are too many connections, if the door begins in clear.
func turnAway(d door.Door, p *protocol.Protocol, conn net.Conn) {
	defer conn.Close()
	if d.Security == door.TLS {
		return
	}
	conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = conn.Write(p.Replies.Canned(protocol.TooManyConnections, "", ""))
}
