package smtpd

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/spool"
	"github.com/mailrig/mailrig/internal/store"
)

// Data accepts a message and puts it into every recipient's INBOX, or into none. A message that is reported as
// delivered is there. If the store dies before it can confirm, the client sends the message again (RFC 5321 section
// 4.5.4.1), and the recipients may get it twice.
func (s *session) Data(r io.Reader) error {
	now := time.Now()
	tx := s.begin()
	if tx == nil {
		return smtp.ErrDataReset // the client gave up the transfer before it began
	}
	if m := s.Message(); m != nil {
		r = m
	}
	b := s.cfg.Spool.New(tx.size + usualTrace)
	defer b.Close()
	trace := s.trace(tx, now)
	maxBytes, _ := s.Limits()
	if err := gather(b, trace, io.LimitReader(r, maxBytes+1)); errors.Is(err, budget.ErrFull) {
		return s.undelivered(fmt.Errorf("%w: %w", store.ErrFull, err)) // the engine discards the rest
	} else if err != nil {
		return err
	}
	header := int64(len(trace))
	if b.Size()-header > maxBytes {
		s.TooLarge()
		return errTooLarge // the engine discards the rest
	}
	if s.Dropping() {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 0, 0}, Message: "Message refused"}
	}
	content := b.Content()
	in := store.Incoming{
		Content: content, Received: now,
		Envelope: store.Envelope{From: tx.from, Recipients: tx.to, Session: s.ID(), User: s.User()},
	}
	deliveries, err := s.deliver(tx.to, in)
	if err != nil {
		return s.undelivered(err)
	}
	places := make([]store.Place, len(deliveries))
	for i, d := range deliveries {
		places[i] = store.Place{Account: d.Account, Mailbox: store.Inbox, UID: d.UID}
		s.Delivered(tx.from, recipient(s.cfg.Store, tx.to, d.Account), d.Message)
	}
	if len(places) > 0 {
		if _, ok := store.Whole(content); !ok {
			content = deliveries[0].Message // a store in memory has the bytes by now
		}
		// If it can't be read, it is delivered all the same; only its record is missing.
		if raw, err := store.ReadAll(s.Context(), content); err == nil {
			s.Stored(tx.from, places, raw[header:])
		}
	}
	if s.cfg.Queued != nil && len(deliveries) > 0 {
		return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 0, 0}, Message: s.cfg.Queued(deliveries[0].Message)}
	}
	return nil
}

// deliver puts a message into the INBOXes of its recipients, as often as a scenario wants.
func (s *session) deliver(to []string, in store.Incoming) ([]store.Delivery, error) {
	times := s.Arrives(to, in)
	if times == nil {
		return s.cfg.Store.Deliver(s.Context(), to, in)
	}
	var told []store.Delivery
	for i, to := range times {
		if len(to) == 0 {
			continue
		}
		deliveries, err := s.cfg.Store.Deliver(s.Context(), to, in)
		if i == 0 {
			told = deliveries
		}
		if err != nil {
			return told, err
		}
	}
	return told, nil
}

// gather puts the trace header fields and the message behind them into b.
func gather(b *spool.Spool, trace []byte, message io.Reader) error {
	if _, err := b.Write(trace); err != nil {
		return err
	}
	_, err := b.ReadFrom(message)
	return err
}

// recipient returns the first recipient whose account this is, as the client wrote the address.
func recipient(st store.Store, to []string, account string) string {
	for _, name := range to {
		if st.Address(name) == account {
			return name
		}
	}
	return account
}

// undelivered returns the reply for a message that is in nobody's mailbox. All causes but the first are temporary (RFC 5321 section 4.2.5, RFC 3463 section 3.4).
func (s *session) undelivered(err error) error {
	switch {
	case errors.Is(err, store.ErrTooBig):
		return errTooLarge
	case errors.Is(err, store.ErrOverQuota):
		return errOverQuota
	}
	if s.cfg.Logger != nil {
		s.cfg.Logger.Error("a message could not be delivered; the client hears a temporary failure", "session", s.ID(), "err", err)
	}
	switch {
	case errors.Is(err, store.ErrFull):
		return errFull
	case errors.Is(err, store.ErrReadOnly):
		return errNotNow
	}
	return errStore
}

// begin returns the transaction whose message comes now, and numbers it.
func (s *session) begin() *transaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tx != nil {
		s.sent++
		s.tx.id = s.sent
	}
	return s.tx
}

// trace returns the header fields that a delivering server adds (RFC 5321 section 4.4).
func (s *session) trace(tx *transaction, now time.Time) []byte {
	b := make([]byte, 0, usualTrace)
	write := func(texts ...string) {
		for _, text := range texts {
			b = append(b, text...)
		}
	}
	host, _, err := net.SplitHostPort(s.conn.Conn().RemoteAddr().String())
	if err != nil {
		host = "unknown"
	}
	if strings.Contains(host, ":") {
		host = "IPv6:" + host // RFC 5321 section 4.1.3
	}
	write("Return-Path: <", oneLine(tx.from), ">\r\n",
		"Received: from ", oneLine(s.conn.Hostname()), " ([", host, "])\r\n\tby ", s.cfg.Domain,
		" with ", s.protocol(), " id ", s.ID(), ".", strconv.Itoa(tx.id))
	if len(tx.to) == 1 {
		write("\r\n\tfor <", oneLine(tx.to[0]), ">") // with several recipients, naming one would reveal that there are others
	}
	write("; ")
	b = now.AppendFormat(b, "Mon, 02 Jan 2006 15:04:05 -0700")
	return append(b, "\r\n"...)
}

// usualTrace is how many bytes the trace header fields hardly ever exceed.
const usualTrace = 512

// protocol returns the keyword of RFC 3848.
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
