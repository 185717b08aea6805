package server

import (
	"context"
	"fmt"
	"time"

	"github.com/mailrig/mailrig/internal/bounce"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/mailbox"
	"github.com/mailrig/mailrig/internal/transcript"
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

// bounce has a message that was accepted come back later, if the scenario says so.
func (s *Server) bounce(f *fault.Conn, rec *transcript.Recorder, from, to string, m *mailbox.Message) {
	b, ok := f.Bounce(to)
	if !ok || !s.bounces.Later(b.After,
		bounce.Message{From: from, To: to, Raw: m.Raw(), Arrived: m.Received()},
		bounce.Failure{Status: b.Status, Text: b.Text}) {
		return
	}
	rec.Note(fmt.Sprintf("a report that %s could not be reached follows in %v", to, b.After), b.By)
}
