package server

import (
	"bytes"
	"fmt"
	"mime"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/store"
)

// bounces are deliveries that come back later.
type bounces struct {
	mu      sync.Mutex
	timers  map[*time.Timer]struct{}
	stopped bool
}

// bounce reports to the sender, later, that the message could not be delivered.
func (s *Server) bounce(from, to string, b fault.Bounce, m store.Message) {
	s.bounces.later(b.After, func() {
		report, err := s.report(from, to, b, m)
		if err == nil {
			_, err = s.store.Deliver(s.ctx, []string{from}, report)
		}
		if err != nil {
			s.cfg.Logger.Error("deliver a bounce", "error", err)
		}
	})
}

func (b *bounces) later(d time.Duration, do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return
	}
	if b.timers == nil {
		b.timers = map[*time.Timer]struct{}{}
	}
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if _, ok := b.timers[t]; ok { // not stopped in between
			delete(b.timers, t)
			do()
		}
	})
	b.timers[t] = struct{}{}
}

// stop forgets what is still to come.
func (b *bounces) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	for t := range b.timers {
		t.Stop()
	}
	b.timers = nil
}

// report is a delivery status notification (RFC 3464, RFC 6522): what happened in
// words, the same for programs, and the header of the message.
func (s *Server) report(from, to string, b fault.Bounce, m store.Message) (store.Incoming, error) {
	now := time.Now()
	boundary := fmt.Sprintf("=_mailrig_%d", now.UnixNano())
	header, err := store.ReadAll(s.ctx, m)
	if err != nil {
		return store.Incoming{}, err
	}
	origin, err := m.Origin(s.ctx)
	if err != nil {
		return store.Incoming{}, err
	}
	for _, blank := range []string{"\r\n\r\n", "\n\n"} {
		if i := bytes.Index(header, []byte(blank)); i >= 0 {
			header = header[:i+len(blank)/2]
			break
		}
	}
	var out bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&out, format+"\r\n", args...) }
	line("Return-Path: <>")
	line("Date: %s", now.Format(time.RFC1123Z))
	line("From: %s <MAILER-DAEMON@%s>", mime.QEncoding.Encode("utf-8", "Mail Delivery System"), s.hostname())
	line("To: <%s>", from)
	line("Subject: Undelivered Mail Returned to Sender")
	line("Message-ID: <%d.bounce@%s>", now.UnixNano(), s.hostname())
	line("Auto-Submitted: auto-replied")
	line("MIME-Version: 1.0")
	line("Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=%q", boundary)
	line("")
	line("--%s", boundary)
	line("Content-Type: text/plain; charset=us-ascii")
	line("")
	line("Your message could not be delivered to <%s>.", to)
	line("The other server said: %s", b.Text)
	line("")
	line("--%s", boundary)
	line("Content-Type: message/delivery-status")
	line("")
	line("Reporting-MTA: dns; %s", s.hostname())
	line("Arrival-Date: %s", origin.Received.Format(time.RFC1123Z))
	line("")
	line("Final-Recipient: rfc822; %s", to)
	line("Action: failed")
	line("Status: %s", b.Status)
	line("Diagnostic-Code: smtp; %s", b.Text)
	line("")
	line("--%s", boundary)
	line("Content-Type: text/rfc822-headers")
	line("")
	out.Write(header)
	line("")
	line("--%s--", boundary)
	return store.Incoming{
		Content: store.Bytes(out.Bytes()), Received: now, Envelope: store.Envelope{Recipients: []string{from}},
	}, nil
}
