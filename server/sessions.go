package server

import (
	"context"
	"math"

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
func (s *Server) Sessions() []*Session { return s.log.Sessions() }

// Session returns a session, finished or open, by its id.
func (s *Server) Session(id string) (*Session, bool) { return s.log.Get(id) }

// SessionsSince returns the sessions that ended after the first n ever, as far as they are
// kept, the number to ask with next time, and a channel that is closed when another one
// ends.
func (s *Server) SessionsSince(n uint64) (ended []*Session, next uint64, more <-chan struct{}) {
	return s.log.Since(n)
}

// Busy reports whether a session is open.
func (s *Server) Busy() bool { return s.log.Busy() }

// Quiesce returns when no session is open, or when ctx ends; done tells which.
func (s *Server) Quiesce(ctx context.Context) (done bool) {
	for {
		_, _, more := s.SessionsSince(math.MaxUint64)
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
