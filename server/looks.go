package server

import (
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// onlyLooked reports whether a client connected, or also shook hands and asked what the server can, and left as if all was
// well. Health checks do so every second; what they leave behind shouldn't push out the sessions of clients.
func (s *Server) onlyLooked(r *event.Record) bool {
	if len(r.Logins) > 0 || len(r.Injected) > 0 || r.Counts.MessagesIn+r.Counts.MessagesOut > 0 || r.EndedBy != event.EndedByClient && r.EndedBy != event.EndedByServer ||
		r.TLS != nil && r.TLS.Hello && !r.TLS.Established() {
		return false
	}
	p := protocol.Find(s.protocols, r.Protocol)
	if p == nil {
		return false
	}
	for _, e := range r.Events {
		switch what := e.What.(type) {
		case *event.Command:
			if word, known := p.Words.Find(what.Verb); !known || !word.Polite {
				return false
			}
		case *event.Overheard, *event.ClearOnTLS:
			return false // it spoke something else
		}
	}
	return true
}
