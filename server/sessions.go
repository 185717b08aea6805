package server

import (
	"context"
	"math"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/transcript"
)

// Session is what happened on one connection, in the form of GET /api/v1/sessions. It has an ID; the Door by standard
// port number, with its Service, Protocol and Security; the addresses of Client and Server; Start and End (zero while
// it is open), and who ended it (EndedBy); what is known about its TLS, nil if TLS was never tried; its Logins; the
// Scenarios that were active, and those that acted (Injected); Counts; the Messages that it brought; and the dialogue
// (Units, of which a long session has Elided some). Summary returns one line about it, and Dialogue everything, for
// people. Don't change a session that has ended.
type Session = transcript.Session

// Sessions returns the kept sessions that have ended, in the order in which they ended, then the open ones in the order
// in which they began.
func (s *Server) Sessions() []*Session { return transcript.All(s.journal.Records()) }

// Session returns the session with this id, ended or open.
func (s *Server) Session(id string) (*Session, bool) {
	r, ok := s.journal.Get(id)
	if !ok {
		return nil, false
	}
	return transcript.Of(r), true
}

// SessionsSince returns the kept sessions that ended after the first n. It also returns the n for the next call, and a
// channel that is closed when another session ends.
func (s *Server) SessionsSince(n uint64) (ended []*Session, next uint64, more <-chan struct{}) {
	records, next, more := s.journal.Since(n)
	return transcript.All(records), next, more
}

// Busy reports whether any session is open.
func (s *Server) Busy() bool { return s.journal.Busy() }

// Quiesce returns when no session is open, or when ctx ends. done reports whether no session was open.
func (s *Server) Quiesce(ctx context.Context) (done bool) {
	for {
		_, _, more := s.journal.Since(math.MaxUint64)
		if !s.Busy() {
			return true
		}
		select {
		case <-more:
		case <-ctx.Done():
			return false
		}
	}
}

// ended calls Config.OnSession with a session that has ended.
func (s *Server) ended(r *event.Record) {
	if s.cfg.OnSession != nil {
		s.cfg.OnSession(transcript.Of(r))
	}
}
