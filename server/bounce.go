package server

import (
	"bytes"
	"context"
	"time"

	"github.com/mailrig/mailrig/internal/bounce"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/store"
)

// newBounces returns the queue of reports that mail could not be delivered.
func (s *Server) newBounces() *bounce.Queue {
	return bounce.New(bounce.Config{
		Host: s.hostname(), Logger: s.cfg.Logger,
		Deliver: func(ctx context.Context, to string, raw []byte, at time.Time) error {
			_, err := s.store.Deliver(ctx, []string{to}, store.Incoming{
				Content: store.Bytes(raw), Received: at, Envelope: store.Envelope{Recipients: []string{to}},
			})
			return err
		},
	})
}

// later delivers a message to a recipient when a scenario's time is over. It reports whether it will.
func (s *Server) later(to string, f fault.Fate, in store.Incoming) bool {
	raw, err := store.ReadAll(s.ctx, in.Content)
	if err != nil {
		s.cfg.Logger.Error("read a message that is to arrive later", "error", err)
		return false
	}
	raw = bytes.Clone(raw)
	return s.bounces.Hold(f.After, int64(len(raw)), func(ctx context.Context) {
		in.Content, in.Received = store.Bytes(raw), time.Now()
		for range f.Copies {
			if _, err := s.store.Deliver(ctx, []string{to}, in); err != nil {
				s.cfg.Logger.Error("deliver a message that was to arrive later", "to", to, "error", err)
			}
		}
	})
}

// bounce schedules a report that an accepted message could not be delivered. It reports whether there will be one.
func (s *Server) bounce(from, to string, b fault.Bounce, m store.Message) bool {
	raw, err := store.ReadAll(s.ctx, m)
	if err != nil {
		s.cfg.Logger.Error("read a message that is to bounce", "error", err)
		return false
	}
	origin, err := m.Origin(s.ctx)
	if err != nil {
		s.cfg.Logger.Error("read a message that is to bounce", "error", err)
		return false
	}
	return s.bounces.Later(b.After,
		bounce.Message{From: from, To: to, Raw: raw, Arrived: origin.Received},
		bounce.Failure{Status: b.Status, Text: b.Text})
}
