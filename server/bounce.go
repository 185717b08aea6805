package server

import (
	"context"
	"time"

	"github.com/mailrig/mailrig/internal/bounce"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/mailbox"
)

// newBounces returns the queue of reports that mail could not be delivered.
func (s *Server) newBounces() *bounce.Queue {
	return bounce.New(bounce.Config{
		Host: s.hostname(), Logger: s.cfg.Logger,
		Deliver: func(_ context.Context, to string, raw []byte, at time.Time) error {
			_, err := s.store.Deliver(to, mailbox.NewMessage(raw, at, mailbox.Envelope{Recipients: []string{to}}))
			return err
		},
	})
}

// bounce has a message that was accepted come back later. It reports whether it will.
func (s *Server) bounce(from, to string, b fault.Bounce, m *mailbox.Message) bool {
	return s.bounces.Later(b.After,
		bounce.Message{From: from, To: to, Raw: m.Raw(), Arrived: m.Received()},
		bounce.Failure{Status: b.Status, Text: b.Text})
}
