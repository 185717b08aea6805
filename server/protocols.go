package server

import (
	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/gate"
	"github.com/mailrig/mailrig/internal/imapd"
	"github.com/mailrig/mailrig/internal/popd"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/imap"
	"github.com/mailrig/mailrig/internal/protocol/pop3"
	"github.com/mailrig/mailrig/internal/protocol/smtp"
	"github.com/mailrig/mailrig/internal/session"
	"github.com/mailrig/mailrig/internal/smtpd"
)

// served is a protocol and the engine that serves it.
type served struct {
	*protocol.Protocol
	// serve starts the engine for one phase of a connection, on a goroutine of its own, and returns.
	serve func(s *Server, c *gate.Conn, ses *session.Session)
}

// product lists mailrig's own protocols, in the order in which tables show their doors.
func product() []served {
	return []served{
		{smtp.Protocol, func(s *Server, c *gate.Conn, ses *session.Session) {
			smtpd.Serve(c, smtpd.Config{Session: ses, Store: s.quota, Spool: s.bounds.spool, Quota: s.quota, Domain: s.hostname(), Queued: s.queued(), Logger: s.cfg.Logger})
		}},
		{pop3.Protocol, func(s *Server, c *gate.Conn, ses *session.Session) {
			e := popd.New(popd.Config{Session: ses, Store: s.store, Logger: s.cfg.Logger}).Server()
			go e.ServeConn(c)
		}},
		{imap.Protocol, func(s *Server, c *gate.Conn, ses *session.Session) {
			cfg := imapd.Config{Session: ses, Store: s.store, Spool: s.bounds.spool, Views: s.bounds.views, Logger: s.cfg.Logger}
			if s.cfg.Quota.Any() {
				cfg.Quota = s.quota
			}
			phase := imapd.New(cfg)
			c.Beside(phase.Beside())
			phase.Serve(c)
		}},
	}
}

// protocolsOf lists the protocols in a list of served ones.
func protocolsOf(list []served) (protocols []*protocol.Protocol) {
	for _, p := range list {
		protocols = append(protocols, p.Protocol)
	}
	return protocols
}

// spoken returns the protocol of a door.
func (s *Server) spoken(d door.Door) served {
	for _, p := range s.cfg.protocols {
		if p.Name == string(d.Protocol) {
			return p
		}
	}
	panic("a door without a protocol: " + d.String()) // every door comes from a protocol
}
