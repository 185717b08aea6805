package transcript

import (
	"crypto/tls"

	"github.com/mailrig/mailrig/internal/event"
)

// Renderer renders records. The zero Renderer uses the words in words.go. The form is always the same.
type Renderer struct {
	// Words returns mailrig's remark about an event. nil: Words of this package.
	Words func(*event.Event) Remark
	// Failure returns why TLS failed, or "" if it didn't. nil: Failure of this package.
	Failure func(*event.TLS) string
}

// Remark is a remark that mailrig makes in a dialogue.
type Remark struct {
	Event Event  // its name for programs; "" if it has none
	Text  string // "" if the event leaves no unit
}

// Of renders a record in mailrig's words.
func Of(r *event.Record) *Session { return Renderer{}.Of(r) }

// All renders records in mailrig's words.
func All(records []*event.Record) []*Session {
	out := make([]*Session, 0, len(records))
	for _, r := range records {
		out = append(out, Of(r))
	}
	return out
}

// Record returns the record that a session was rendered from. It is nil for a session that was read from JSON.
func Record(s *Session) *event.Record { return s.record }

// Records returns the records that sessions were rendered from.
func Records(sessions []*Session) []*event.Record {
	out := make([]*event.Record, 0, len(sessions))
	for _, s := range sessions {
		out = append(out, s.record)
	}
	return out
}

// Of renders a record.
func (w Renderer) Of(r *event.Record) *Session {
	if w.Words == nil {
		w.Words = Words
	}
	s := w.Brief(r)
	d := dialogue{words: w.Words, units: make([]Unit, 0, len(r.Events))}
	for i := range r.Events {
		if r.Elided > 0 && i == r.ElidedAt {
			s.ElidedAt, d.growing = len(d.units), false
		}
		d.event(&r.Events[i])
	}
	s.Units, s.Elided = d.units, r.Elided
	return s
}

// Brief renders a record without its dialogue, which is most of the work: a list needs no more.
func Brief(r *event.Record) *Session { return Renderer{}.Brief(r) }

// Brief renders a record without its dialogue.
func (w Renderer) Brief(r *event.Record) *Session {
	if w.Failure == nil {
		w.Failure = Failure
	}
	s := &Session{
		ID: r.ID, Door: r.Door, Service: r.Service, Protocol: r.Protocol, Security: r.Security,
		Client: r.Client, Server: r.Server, Start: r.Start, End: r.End,
		TLS: w.tls(r.TLS), Logins: []Login{}, Scenarios: append([]string{}, r.Scenarios...), Injected: append([]string{}, r.Injected...),
		EndedBy: r.EndedBy, Counts: Counts(r.Counts), Messages: []Stored{}, record: r,
	}
	for _, l := range r.Logins {
		s.Logins = append(s.Logins, Login{l.User, l.Mechanism, l.OK, l.Secure, l.Injected, l.Password, l.Exposed, l.Token, l.At})
	}
	for _, m := range r.Messages {
		s.Messages = append(s.Messages, Stored{m.MessageID, m.From, m.Recipients, m.Bytes, m.Sum, m.Secure, m.At})
	}
	return s
}

// tls renders the summary of a connection's TLS. It returns nil if no handshake has ended.
func (w Renderer) tls(t *event.TLS) *TLS {
	if t == nil || t.Outcome == "" {
		return nil
	}
	out := &TLS{
		ServerName: t.ServerName, Certificate: t.Certificate, Hello: t.Hello, StartTLS: t.StartTLS,
		Established: t.Established(), Error: w.Failure(t), Alert: t.ClientAlert(), AlertName: event.AlertName(t.ClientAlert()),
	}
	if t.Established() {
		out.Version, out.Cipher = tls.VersionName(t.Version), tls.CipherSuiteName(t.Cipher)
	}
	return out
}
