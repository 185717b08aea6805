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
	tx := s.begin()
	if tx == nil {
		return smtp.ErrDataReset // the transfer was given up before it began
	}
	var b bytes.Buffer
	b.Grow(int(min(tx.size, 1<<20)) + 512) // the announced size is only believed so far
	s.trace(&b, tx, now)
	header := int64(b.Len())
	maxBytes, _ := s.Limits()
	if _, err := b.ReadFrom(io.LimitReader(r, maxBytes+1)); err != nil {
		return err
	}
	if int64(b.Len())-header > maxBytes {
		return errTooLarge // the engine reads away the rest
	}
	if s.Dropping() {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 0, 0}, Message: "Message refused"}
	}
	m := mailbox.NewMessage(bytes.Clone(b.Bytes()), now, mailbox.Envelope{
		From: tx.from, Recipients: tx.to, Session: s.ID(),
	})
	delivered := map[string]bool{}
	var boxes []string
	defer func() {
		if len(boxes) > 0 {
			s.Stored(tx.from, boxes, m.Raw()[header:])
		}
	}()
	for _, to := range tx.to {
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
		boxes = append(boxes, address)
		s.Delivered(tx.from, to, m)
	}
	return nil
}

// begin returns the transaction whose message comes now, with its number.
func (s *session) begin() *transaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tx != nil {
		s.sent++
		s.tx.id = s.sent
	}
	return s.tx
}

// trace writes the headers that a delivering server adds (RFC 5321 section 4.4).
func (s *session) trace(b *bytes.Buffer, tx *transaction, now time.Time) {
	fmt.Fprintf(b, "Return-Path: <%s>\r\n", oneLine(tx.from))
	host, _, err := net.SplitHostPort(s.conn.Conn().RemoteAddr().String())
	if err != nil {
		host = "unknown"
	}
	if strings.Contains(host, ":") {
		host = "IPv6:" + host // RFC 5321 section 4.1.3
	}
	fmt.Fprintf(b, "Received: from %s ([%s])\r\n\tby %s with %s id %s.%d", oneLine(s.conn.Hostname()), host, s.cfg.Domain, s.protocol(), s.ID(), tx.id)
	if len(tx.to) == 1 {
		fmt.Fprintf(b, "\r\n\tfor <%s>", oneLine(tx.to[0])) // with several, naming one would tell of the others' absence
	}
	fmt.Fprintf(b, "; %s\r\n", now.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
}

// protocol is the keyword of RFC 3848.
func (s *session) protocol() string {
	p := "ESMTP"
	if s.Secure() {
		p += "S"
	}
	if s.User() != "" {
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
