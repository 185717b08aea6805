package server

import (
	"context"
	"math"
	"net/http"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/metrics"
)

func (s *Server) newMetrics() *metrics.Metrics {
	return metrics.New(s.cfg.Version, metrics.Gauges{
		Open:        s.openConnections,
		Mail:        s.countMail,
		MemoryLimit: s.bounds.memory,
		MemoryUsed: map[string]func() int64{
			"mail": s.bounds.mail.Used, "memos": s.bounds.memos.Used, "sessions": s.bounds.sessions.Used,
			"views": s.bounds.views.Used, "spool": s.bounds.spool.Memory.Used,
		},
	})
}

// openConnections returns how many connections are open.
func (s *Server) openConnections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.gates)
}

func (s *Server) countMail(ctx context.Context) (messages int, bytes int64, accounts int, arrived uint64, err error) {
	list, _, err := s.mail.Accounts(ctx, "", math.MaxInt)
	for _, a := range list {
		messages, bytes = messages+a.Messages, bytes+a.Bytes
	}
	if err == nil {
		arrived, err = s.store.Arrived(ctx)
	}
	return messages, bytes, len(list), arrived, err
}

// Metrics answers scrapes by Prometheus.
func (r rig) Metrics() http.Handler { return r.metrics.Handler() }

// sessionEnded counts a session that has ended, and passes it on.
func (s *Server) sessionEnded(r *event.Record) {
	s.metrics.Session(r)
	s.ended(r)
}

// found counts a report of a finding, and passes it on.
func (s *Server) found(f Finding) {
	s.metrics.Finding(f)
	if s.cfg.OnFinding != nil {
		s.cfg.OnFinding(f)
	}
}
