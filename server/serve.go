package server

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/gate"
	"github.com/mailrig/mailrig/internal/imapd"
	"github.com/mailrig/mailrig/internal/mailbox"
	"github.com/mailrig/mailrig/internal/popd"
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

// serve gives a connection its gate, its record and the plan it will keep.
func (s *Server) serve(d door.Door, conn net.Conn) {
	plan := s.active.plan.Load()
	_, noDrop := s.active.noDrop.Load(d.Port)
	f := plan.Conn(d.Port, string(d.Protocol), addrOf(conn.RemoteAddr()))
	rec := s.log.Begin(transcript.Info{
		Door: d.Port, Service: d.Service, Protocol: string(d.Protocol), Security: string(d.Security),
		Client: conn.RemoteAddr().String(), Server: conn.LocalAddr().String(), Scenarios: plan.Scenarios(),
	})
	limits := f.Limits()
	maxBytes := s.cfg.MaxMessageBytes
	if limits.MessageBytes > 0 {
		maxBytes = min(maxBytes, limits.MessageBytes)
		rec.Note(fmt.Sprintf("messages are limited to %d bytes", maxBytes), limits.By)
	}
	if limits.Recipients > 0 {
		rec.Note(fmt.Sprintf("messages are limited to %d recipients", limits.Recipients), limits.By)
	}
	var g *gate.Gate
	cfg := gate.Config{
		Protocol:        string(d.Protocol),
		TLS:             d.Security == door.TLS,
		StartTLS:        d.Security != door.TLS,
		Certificate:     func(profile string) (*tls.Certificate, error) { return s.ca.Certificate(profile) },
		Engine:          func(c *gate.Conn) { s.engine(d, g, c, f, rec, maxBytes) },
		Fault:           f,
		Recorder:        rec,
		Domain:          s.hostname(),
		MailDomain:      s.cfg.Domain,
		MaxMessageBytes: maxBytes,
		DropUnsupported: noDrop,
		Logger:          s.cfg.Logger,
		OnQuiet:         func() { s.watch.look(rec.ID()) },
		OnDone:          func() { s.forget(g) },
	}
	if d.Protocol == door.IMAP {
		cfg.Extra, cfg.Knows = imapd.Extra, imapd.Knows
	}
	g = gate.New(conn, cfg)
	switch s.remember(g) {
	case admitted:
		go g.Run()
	case full:
		s.cfg.Logger.Warn("connection refused: too many are open", "door", d.Port, "max", s.cfg.MaxConnections)
		rec.Note("refused: too many connections are open", "")
		rec.End(transcript.EndedByServer)
		turnAway(d, conn)
	case stopped:
		rec.End(transcript.EndedByShutdown)
		conn.Close()
	}
}

// engine starts the protocol engine for one phase of a connection.
func (s *Server) engine(d door.Door, g *gate.Gate, c *gate.Conn, f *fault.Conn, rec *transcript.Recorder, maxBytes int64) {
	authority := s.authority(g, f, rec)
	switch d.Protocol {
	case door.SMTP:
		smtpd.Serve(c, smtpd.Config{
			Store: s.store, Login: authority, Domain: s.hostname(),
			Secure:          c.Secure(),
			RequireTLS:      d.Security == door.STARTTLSRequired,
			RequireAuth:     d.Port == 587 || d.Port == 465,
			MaxMessageBytes: maxBytes,
			MaxRecipients:   f.Limits().Recipients,
			Session:         rec.ID(),
			Refuse:          func(address string) string { return refuseAddress(g, address) },
			Drop:            c.Dropping,
			Stored:          func(from string, to []string, raw []byte) { rec.Stored(stored(from, to, raw)) },
			Delivered:       func(from, to string, m *mailbox.Message) { s.bounce(f, rec, from, to, m) },
			Logger:          s.cfg.Logger,
		})
	case door.IMAP:
		imapd.Serve(c, imapd.Config{
			Store: s.store, Login: authority,
			Secure: c.Secure(), InsecureAuth: true,
			Folders:         func() []mailbox.Folder { return foldersOf(f) },
			Stored:          func(user string, raw []byte) { rec.Stored(stored("", []string{user}, raw)) },
			PreAuth:         s.preauth(f, rec, c),
			MaxMessageBytes: maxBytes,
			Logger:          s.cfg.Logger,
		})
	case door.POP3:
		e := popd.New(popd.Config{Store: s.store, Login: authority, Secure: c.Secure(), Logger: s.cfg.Logger}).Server()
		go e.ServeConn(c)
	}
}

// refuseAddress is the reply that an address asks for by itself.
func refuseAddress(g *gate.Gate, address string) string {
	reply, ok := fault.AddressReply(address)
	if ok {
		g.Refused(fault.ByAddress)
	}
	return reply
}

// preauth returns the user as whom IMAP begins, "" for nobody.
func (s *Server) preauth(f *fault.Conn, rec *transcript.Recorder, c *gate.Conn) string {
	st := f.Start()
	if st.User != "" {
		rec.Note("begins logged in as "+st.User, st.By)
		c.LoggedIn()
	}
	return st.User
}

// foldersOf lists the folders that a scenario gives to accounts.
func foldersOf(f *fault.Conn) (out []mailbox.Folder) {
	for _, folder := range f.Folders() {
		out = append(out, mailbox.Folder(folder))
	}
	return out
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

func addrOf(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().WithZone("")
}
