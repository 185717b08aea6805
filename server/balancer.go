package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/mailrig/mailrig/internal/balancer"
	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/session"
)

// headerTime is how long a balancer may take for the header of the PROXY protocol. It sends it at once.
const headerTime = 10 * time.Second

// CheckBalancers reports what is wrong with a value of Config.Balancers.
func CheckBalancers(list []string) error {
	_, err := balancer.ParseSources(list)
	return err
}

// welcome serves a connection that a door has accepted, and says nothing before the balancer has said who the client is.
// It returns at once: neither a balancer nor the database that counts for scenarios keeps other connections waiting.
func (s *Server) welcome(d door.Door, conn net.Conn) {
	do := s.introduce
	if !s.balancers.Has(conn.RemoteAddr()) {
		if s.shared == nil {
			s.serve(d, conn)
			return
		}
		do = s.serve
	}
	if s.introducing.Add(1) > int64(s.bounds.connections) {
		s.introducing.Add(-1)
		conn.Close()
		return
	}
	s.acceptors.Go(func() {
		defer s.introducing.Add(-1)
		do(d, conn)
	})
}

// introduce reads the header and serves the connection. Shutdown ends the wait.
func (s *Server) introduce(d door.Door, conn net.Conn) {
	conn.SetReadDeadline(time.Now().Add(headerTime))
	stop := context.AfterFunc(s.doorsOpen, func() { conn.SetReadDeadline(time.Unix(1, 0)) })
	known, err := balancer.Introduce(conn)
	if !stop() || errors.Is(err, balancer.ErrNothing) {
		conn.Close()
		return
	}
	if err != nil {
		s.unintroduced(d, conn, err)
		return
	}
	conn.SetReadDeadline(time.Time{})
	s.serve(d, known)
}

// unintroduced ends a connection that begins with something else. Its session says why.
func (s *Server) unintroduced(d door.Door, conn net.Conn, err error) {
	s.trouble("balancer", fmt.Sprintf("a connection from %s has no header of the PROXY protocol and was closed (%v); have the balancer send one (HAProxy: send-proxy-v2; nginx: proxy_protocol on), or take its address out of --proxy-protocol",
		conn.RemoteAddr(), err))
	ses := session.New(s.ctx, &s.sessions, d, conn, s.active.plan(s.ctx))
	ses.Recorder().Notice(event.NotIntroduced, "")
	ses.Recorder().End(event.EndedByServer)
	ses.Close()
	conn.Close()
}
