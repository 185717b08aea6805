package server

import (
	"net"
	"time"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/gate"
	"github.com/mailrig/mailrig/internal/imapd"
	"github.com/mailrig/mailrig/internal/popd"
	"github.com/mailrig/mailrig/internal/session"
	"github.com/mailrig/mailrig/internal/smtpd"
	"github.com/mailrig/mailrig/internal/transcript"
)

// accept serves a door until it is closed.
func (s *Server) accept(l *door.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s.serve(l.Door(), conn)
	}
}

// serve gives a connection its session and its gate.
func (s *Server) serve(d door.Door, conn net.Conn) {
	_, noDrop := s.active.noDrop.Load(d.Port)
	ses := session.New(s.ctx, &s.sessions, d, conn, s.active.plan(s.ctx))
	rec := ses.Recorder()
	var g *gate.Gate
	g = gate.New(conn, gate.Config{
		Protocol:        string(d.Protocol),
		TLS:             d.Security == door.TLS,
		StartTLS:        d.Security != door.TLS,
		Certificate:     s.ca.Certificate,
		Engine:          func(c *gate.Conn) { s.engine(d, c, ses) },
		Fault:           ses.Plan(),
		Recorder:        rec,
		Domain:          s.hostname(),
		MailDomain:      s.cfg.Domain,
		MaxMessageBytes: s.cfg.MaxMessageBytes,
		DropUnsupported: noDrop,
		Logger:          s.cfg.Logger,
		OnQuiet:         func() { s.watch.look(rec.ID()) },
		OnDone: func() {
			ses.Close()
			s.forget(g)
		},
	})
	switch s.remember(g) {
	case admitted:
		go g.Run()
	case full:
		s.cfg.Logger.Warn("connection refused: too many are open", "door", d.Port, "max", s.cfg.MaxConnections)
		rec.Note("refused: too many connections are open", "")
		rec.End(transcript.EndedByServer)
		ses.Close()
		turnAway(d, conn)
	case stopped:
		rec.End(transcript.EndedByShutdown)
		ses.Close()
		conn.Close()
	}
}

// engine starts the protocol engine for one phase of a connection.
func (s *Server) engine(d door.Door, c *gate.Conn, ses *session.Session) {
	ses.Begin(c)
	switch d.Protocol {
	case door.SMTP:
		smtpd.Serve(c, smtpd.Config{Session: ses, Store: s.store, Domain: s.hostname(), Logger: s.cfg.Logger})
	case door.IMAP:
		phase := imapd.New(imapd.Config{Session: ses, Store: s.store, Logger: s.cfg.Logger})
		c.Beside(phase.Beside())
		phase.Serve(c)
	case door.POP3:
		e := popd.New(popd.Config{Session: ses, Store: s.store, Logger: s.cfg.Logger}).Server()
		go e.ServeConn(c)
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
	case len(s.gates) >= s.cfg.MaxConnections:
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

// turnAway says, where the door begins in clear, that there are too many
// connections (RFC 5321 section 4.2.3, RFC 9051 section 7.1.5, RFC 2449 section 8).
func turnAway(d door.Door, conn net.Conn) {
	defer conn.Close()
	if d.Security == door.TLS {
		return
	}
	reply := map[door.Protocol]string{
		door.SMTP: "421 4.3.2 Too many connections, try again later\r\n",
		door.IMAP: "* BYE Too many connections, try again later\r\n",
		door.POP3: "-ERR [SYS/TEMP] Too many connections, try again later\r\n",
	}[d.Protocol]
	conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = conn.Write([]byte(reply))
}
