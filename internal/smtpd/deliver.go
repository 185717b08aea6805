package smtpd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/mailrig/mailrig/internal/mailbox"
)

// Data takes a message and puts it into every recipient's INBOX: all of them or,
// if it can't be read to its end, none.
func (s *session) Data(r io.Reader) error {
	now := time.Now()
	var b bytes.Buffer
	b.Grow(int(min(s.size, 1<<20)) + 512) // the announced size is only believed so far
	s.sent++
	s.trace(&b, now)
	header := int64(b.Len())
	if _, err := b.ReadFrom(io.LimitReader(r, s.cfg.MaxMessageBytes+1)); err != nil {
		return err
	}
	if int64(b.Len())-header > s.cfg.MaxMessageBytes {
		return errTooLarge // the engine reads away the rest
	}
	if s.cfg.Drop != nil && s.cfg.Drop() {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 0, 0}, Message: "Message refused"}
	}
	m := mailbox.NewMessage(bytes.Clone(b.Bytes()), now, mailbox.Envelope{
		From: s.from, Recipients: s.to, Session: s.cfg.Session,
	})
	delivered := map[string]bool{}
	for _, to := range s.to {
		address := s.cfg.Store.Address(to)
		if delivered[address] {
			continue // named twice, delivered once
		}
		delivered[address] = true
		if _, err := s.cfg.Store.Deliver(address, m); err != nil {
			if errors.Is(err, mailbox.ErrTooBig) {
				return errTooLarge
			}
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: err.Error()}
		}
		if s.cfg.Delivered != nil {
			s.cfg.Delivered(s.from, to, m)
		}
	}
	return nil
}

// trace writes the headers that a delivering server adds (RFC 5321 section 4.4).
func (s *session) trace(b *bytes.Buffer, now time.Time) {
	fmt.Fprintf(b, "Return-Path: <%s>\r\n", oneLine(s.from))
	host, _, err := net.SplitHostPort(s.conn.Conn().RemoteAddr().String())
	if err != nil {
		host = "unknown"
	}
	if strings.Contains(host, ":") {
		host = "IPv6:" + host // RFC 5321 section 4.1.3
	}
	fmt.Fprintf(b, "Received: from %s ([%s])\r\n\tby %s with %s id %s.%d", oneLine(s.conn.Hostname()), host, s.cfg.Domain, s.protocol(), s.cfg.Session, s.sent)
	if len(s.to) == 1 {
		fmt.Fprintf(b, "\r\n\tfor <%s>", oneLine(s.to[0])) // with several, naming one would tell of the others' absence
	}
	fmt.Fprintf(b, "; %s\r\n", now.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
}

// protocol is the keyword of RFC 3848.
func (s *session) protocol() string {
	p := "ESMTP"
	if s.cfg.Secure {
		p += "S"
	}
	if s.user != "" {
		p += "A"
	}
	return p
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}
