package server

import (
	"context"
	"math"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/transcript"
)

// Session is what happened on one connection, as GET /api/v1/sessions shows it: its ID,
// the Door by standard port number with its Service, Protocol and Security; the addresses
// of Client and Server; Start and End, zero while it is open, and who ended it (EndedBy);
// what is known of its TLS, nil where it was never tried; its Logins; the Scenarios that
// were active, and those that acted (Injected); Counts; the Messages that it brought; and
// the dialogue (Units, of which a long session has Elided some). Summary is one line of
// it, Dialogue all of it, for people. A session that has ended isn't to be changed.
type Session = transcript.Session

// Sessions returns the finished sessions that are kept, in the order in which they ended,
// then the open ones in the order in which they began.
func (s *Server) Sessions() []*Session { return transcript.All(s.journal.Records()) }

// Session returns a session, finished or open, by its id.
func (s *Server) Session(id string) (*Session, bool) {
	r, ok := s.journal.Get(id)
	if !ok {
		return nil, false
	}
	return transcript.Of(r), true
}

// SessionsSince returns the sessions that ended after the first n ever, as far as they are
// kept, the number to ask with next time, and a channel that is closed when another one
// ends.
func (s *Server) SessionsSince(n uint64) (ended []*Session, next uint64, more <-chan struct{}) {
	records, next, more := s.journal.Since(n)
	return transcript.All(records), next, more
}

// Busy reports whether a session is open.
func (s *Server) Busy() bool { return s.journal.Busy() }

// Quiesce returns when no session is open, or when ctx ends; done tells which.
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

// ended tells Config.OnSession of a session that has ended.
func (s *Server) ended(r *event.Record) {
	if s.cfg.OnSession != nil {
		s.cfg.OnSession(transcript.Of(r))
	}
}
