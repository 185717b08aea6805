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
	rec := s.log.Begin(transcript.Info{
		Door: d.Port, Service: d.Service, Protocol: string(d.Protocol), Security: string(d.Security),
		Client: conn.RemoteAddr().String(), Server: conn.LocalAddr().String(), Scenarios: plan.Scenarios(),
	})
	var f *fault.Conn
	f = plan.Shared(d.Port, string(d.Protocol), addrOf(conn.RemoteAddr()), fault.Users{
		Plan: s.active.of,
		Joined: func(own *fault.Plan) {
			rec.Scenarios(own.Scenarios())
			noteLimits(rec, f)
		},
	})
	noteLimits(rec, f)
	var g *gate.Gate
	cfg := gate.Config{
		Protocol:        string(d.Protocol),
		TLS:             d.Security == door.TLS,
		StartTLS:        d.Security != door.TLS,
		Certificate:     func(profile string) (*tls.Certificate, error) { return s.ca.Certificate(profile) },
		Engine:          func(c *gate.Conn) { s.engine(d, g, c, f, rec) },
		Fault:           f,
		Recorder:        rec,
		Domain:          s.hostname(),
		MailDomain:      s.cfg.Domain,
		MaxMessageBytes: s.cfg.MaxMessageBytes,
		DropUnsupported: noDrop,
		Logger:          s.cfg.Logger,
		OnQuiet:         func() { s.watch.Look(rec.ID()) },
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

// noteLimits says what a scenario limits.
func noteLimits(rec *transcript.Recorder, f *fault.Conn) {
	l := f.Limits()
	if l.MessageBytes > 0 {
		rec.Note(fmt.Sprintf("messages are limited to %d bytes", l.MessageBytes), l.By)
	}
	if l.Recipients > 0 {
		rec.Note(fmt.Sprintf("messages are limited to %d recipients", l.Recipients), l.By)
	}
}

// engine starts the protocol engine for one phase of a connection.
func (s *Server) engine(d door.Door, g *gate.Gate, c *gate.Conn, f *fault.Conn, rec *transcript.Recorder) {
	authority := s.authority(g, f, rec)
	switch d.Protocol {
	case door.SMTP:
		smtpd.Serve(c, smtpd.Config{
			Store: s.store, Login: authority, Domain: s.hostname(),
			Secure:          c.Secure(),
			RequireTLS:      d.Security == door.STARTTLSRequired,
			RequireAuth:     d.Port == 587 || d.Port == 465,
			MaxMessageBytes: s.cfg.MaxMessageBytes,
			MaxRecipients:   f.Limits().Recipients,
			Stored:          func(from string, to []string, raw []byte) { rec.Stored(stored(from, to, raw)) },
			Limits: func() (int64, int) {
				l := f.Limits()
				return l.MessageBytes, l.Recipients
			},
			Session:    rec.ID(),
			Mechanisms: f.Mechanisms,
			Refuse:     func(address string) string { return refuseAddress(g, address) },
			Drop:       c.Dropping,
			Delivered:  func(from, to string, m *mailbox.Message) { s.bounce(f, rec, from, to, m) },
			Logger:     s.cfg.Logger,
		})
	case door.IMAP:
		imapd.Serve(c, imapd.Config{
			Store: s.store, Login: authority,
			Secure: c.Secure(), InsecureAuth: true,
			Mechanisms:      f.Mechanisms,
			Folders:         func() []mailbox.Folder { return foldersOf(f) },
			Stored:          func(user string, raw []byte) { rec.Stored(stored("", []string{user}, raw)) },
			Naming:          func() imapd.Naming { return namingOf(f, rec) },
			Meanwhile:       func() ([]uint32, int) { return meanwhile(f, rec) },
			MuteIdle:        func() bool { return mute(f, rec) },
			PreAuth:         s.preauth(f, rec, c),
			MaxMessageBytes: s.cfg.MaxMessageBytes,
			Limit:           func() int64 { return f.Limits().MessageBytes },
			Logger:          s.cfg.Logger,
		})
	case door.POP3:
		e := popd.New(popd.Config{Store: s.store, Login: authority, Mechanisms: f.Mechanisms, Secure: c.Secure(), Logger: s.cfg.Logger}).Server()
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
		f.Claims(s.accounts.canonical(st.User))
		s.fill(f, rec, st.User)
		c.LoggedIn()
	}
	return st.User
}

// namingOf is the form of mailbox names that a scenario wants.
func namingOf(f *fault.Conn, rec *transcript.Recorder) imapd.Naming {
	if delimiter, prefix, by, ok := f.Hierarchy(); ok {
		rec.Injected(by)
		return imapd.Naming{Delimiter: delimiter, Prefix: prefix}
	}
	return imapd.Naming{Delimiter: mailbox.Delimiter}
}

// meanwhile is what a scenario wants another session to do to the selected mailbox.
func meanwhile(f *fault.Conn, rec *transcript.Recorder) (expunge []uint32, deliver int) {
	m, by := f.Meanwhile()
	for _, n := range m.Expunge {
		expunge = append(expunge, uint32(n))
	}
	if len(expunge) > 0 {
		rec.Note(fmt.Sprintf("another session expunges message %v", expunge), by)
	}
	if m.Deliver > 0 {
		rec.Note(fmt.Sprintf("new messages meanwhile: %d", m.Deliver), by)
	}
	return expunge, m.Deliver
}

// mute tells if a scenario wants IDLE to tell nothing.
func mute(f *fault.Conn, rec *transcript.Recorder) bool {
	quiet, by := f.Mute()
	if quiet {
		rec.Note("this IDLE tells nothing", by)
	}
	return quiet
}

// fill makes the INBOX of whoever has logged in as large as a scenario wants it.
func (s *Server) fill(f *fault.Conn, rec *transcript.Recorder, user string) {
	if f.Protocol == string(door.SMTP) {
		return
	}
	want, ok := f.Fill()
	if !ok {
		return
	}
	rec.Injected(want.By)
	want.Once.Do(func() {
		account := s.store.Account(user)
		inbox, err := account.Mailbox("INBOX")
		if err != nil {
			return // INBOX is never missing
		}
		n := inbox.Fill(want.Messages, want.Size, want.Gap, account.Address())
		rec.Note(fmt.Sprintf("INBOX gets %d messages that are made up", n), want.By)
	})
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
