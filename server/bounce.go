package server

import (
	"context"
	"time"

	"github.com/mailrig/mailrig/internal/bounce"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/store"
)

// newBounces returns the queue of reports that mail could not be delivered.
func (s *Server) newBounces() *bounce.Queue {
	return bounce.New(bounce.Config{
		Host: s.hostname(), State: s.state, Logger: s.cfg.Logger,
		Deliver: func(ctx context.Context, to string, raw []byte, at time.Time) error {
			_, err := s.store.Deliver(ctx, []string{to}, store.Incoming{
				Content: store.Bytes(raw), Received: at, Envelope: store.Envelope{Recipients: []string{to}},
			})
			return err
		},
		Arrive: s.arrive,
	})
}

// arrive delivers a message whose time has come.
func (s *Server) arrive(ctx context.Context, m bounce.Held) error {
	in := store.Incoming{
		Content: store.Bytes(m.Raw), Received: time.Now(),
		Envelope: store.Envelope{From: m.From, Recipients: m.Recipients, Session: m.Session, User: m.User},
	}
	for range m.Copies {
		if _, err := s.store.Deliver(ctx, []string{m.To}, in); err != nil {
			return err
		}
	}
	return nil
}

// later delivers a message to a recipient when a scenario's time is over. It reports whether it will.
func (s *Server) later(to string, f fault.Fate, in store.Incoming) bool {
	raw, err := store.ReadAll(s.ctx, in.Content)
	if err != nil {
		s.cfg.Logger.Error("read a message that is to arrive later", "error", err)
		return false
	}
	e := in.Envelope
	return s.bounces.Hold(f.After, bounce.Held{To: to, Copies: f.Copies, From: e.From, Recipients: e.Recipients, Session: e.Session, User: e.User, Raw: raw})
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
