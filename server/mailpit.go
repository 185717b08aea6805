package server

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/mailrig/mailrig/internal/httpapi"
	"github.com/mailrig/mailrig/internal/mailhog"
	"github.com/mailrig/mailrig/internal/mailpit"
	"github.com/mailrig/mailrig/internal/store"
)

// DefaultMailpitSMTP is where Mailpit takes mail.
const DefaultMailpitSMTP = "127.0.0.1:1025"

// Mailpit makes a rig take Mailpit's place: door 25 also listens where Mailpit does, a request's Host may be "mailpit", replies to DATA
// have the message's id, and the HTTP API is as docs/mailpit.md says.
type Mailpit struct {
	SMTP        string // address; "" means DefaultMailpitSMTP
	MaxMessages int    // how many messages are kept, the latest; they are counted when the API is asked. 0 means no bound
	Chaos       bool   // its API may make commands fail by chance
}

// also returns the address at which Mailpit takes mail, as one more of door 25.
func (m *Mailpit) also() map[int]string {
	if m == nil {
		return nil
	}
	return map[int]string{25: cmp.Or(m.SMTP, DefaultMailpitSMTP)}
}

// MailpitSMTP returns the address at which this rig takes mail in Mailpit's place, or "".
func (s *Server) MailpitSMTP() string {
	l, ok := s.doors.Listener(25)
	if s.cfg.Mailpit == nil || !ok {
		return ""
	}
	all := l.Addrs()
	return all[len(all)-1].String()
}

// newMailpit makes the handler of Mailpit's calls.
func (s *Server) newMailpit() *mailpit.Handler {
	c := mailpit.Config{Store: s.store, State: s.state, Sent: s.quota, Version: s.cfg.Version, Logger: s.cfg.Logger, Answers: s.bounds.answers}
	if m := s.cfg.Mailpit; m != nil {
		c.Alike, c.MaxMessages = true, m.MaxMessages
		if m.Chaos {
			c.Chaos = chaos{s}
		}
	}
	return mailpit.New(c)
}

// mounted lists what answers in another program's words.
func (s *Server) mounted() []httpapi.Mounted {
	return []httpapi.Mounted{s.page, s.mailpit, mailhog.New(mailhog.Config{Letters: s.mailpit, Answers: s.bounds.answers, Logger: s.cfg.Logger})}
}

// allowedHosts lists what a request's Host may be, besides localhost and loopback addresses.
func (s *Server) allowedHosts() []string {
	if s.cfg.Mailpit == nil {
		return s.cfg.Hostnames
	}
	return append([]string{"mailpit"}, s.cfg.Hostnames...)
}

// queued returns what the reply to a message says, or nil for the usual words.
func (s *Server) queued() func(store.Message) string {
	if s.cfg.Mailpit == nil {
		return nil
	}
	return func(m store.Message) string { return "Ok: queued as " + mailpit.ID(m) }
}

// fill checks the configuration.
func (m *Mailpit) fill() error {
	if m == nil {
		return nil
	}
	if m.MaxMessages < 0 {
		return errors.New("the number of messages to keep is negative; give at least 1, or 0 for no bound")
	}
	if _, _, err := net.SplitHostPort(m.SMTP); m.SMTP != "" && (err != nil || strings.ContainsAny(m.SMTP, " /")) {
		return fmt.Errorf("%q isn't an address to listen on; give host:port like %s", m.SMTP, DefaultMailpitSMTP)
	}
	return nil
}
