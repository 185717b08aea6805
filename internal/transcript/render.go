package transcript

import (
	"crypto/tls"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
)

// Renderer renders records. The zero Renderer has the product's words.
type Renderer struct {
	// Words returns what a remark of the rig's says; nil: the product's words.
	Words func(*event.Event) Remark
}

// Remark is a remark of the rig's own in a dialogue.
type Remark struct {
	Event Event  // its name for programs, "" for none
	Text  string // "" for an event that leaves no unit
}

// Of renders a record with the product's words.
func Of(r *event.Record) *Session { return Renderer{}.Of(r) }

// All renders records.
func All(records []*event.Record) []*Session {
	out := make([]*Session, 0, len(records))
	for _, r := range records {
		out = append(out, Of(r))
	}
	return out
}

// Record returns what a session was rendered from; nil for one that was read from JSON.
func Record(s *Session) *event.Record { return s.record }

// Records returns what sessions were rendered from.
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
		w.Words = words
	}
	s := &Session{
		ID: r.ID, Door: r.Door, Service: r.Service, Protocol: r.Protocol, Security: r.Security,
		Client: r.Client, Server: r.Server, Start: r.Start, End: r.End,
		TLS: tlsOf(r.TLS), Logins: []Login{}, Scenarios: append([]string{}, r.Scenarios...), Injected: append([]string{}, r.Injected...),
		EndedBy: r.EndedBy, Counts: Counts(r.Counts), Messages: []Stored{}, Units: make([]Unit, 0, len(r.Events)),
		Elided: r.Elided, record: r,
	}
	for _, l := range r.Logins {
		s.Logins = append(s.Logins, Login{l.User, l.Mechanism, l.OK, l.Secure, l.Injected, l.Password, l.At})
	}
	for _, m := range r.Messages {
		s.Messages = append(s.Messages, Stored{m.MessageID, m.From, m.Recipients, m.Bytes, m.Sum, m.Secure, m.At})
	}
	for i := range r.Events {
		if r.Elided > 0 && i == r.ElidedAt {
			s.ElidedAt = len(s.Units)
		}
		w.unit(s, &r.Events[i])
	}
	return s
}

// unit adds what an event leaves in the dialogue.
func (w Renderer) unit(s *Session, e *event.Event) {
	u := Unit{At: e.At, Secure: e.Secure, Injected: e.By}
	switch x := e.What.(type) {
	case *event.Command:
		u.From, u.Kind, u.Text, u.Bytes = FromClient, Command, x.Line, x.Bytes
	case *event.Finish:
		u.From, u.Kind, u.Text, u.Bytes = FromClient, Command, x.Line, x.Bytes
	case *event.Answer:
		u.From, u.Kind, u.Text = FromClient, Auth, map[event.AnswerForm]string{event.SecretAnswer: event.Mask, event.CancelAnswer: "*"}[x.Form]
		u.Bytes = int64(len(u.Text)) + 2
	case *event.Reply:
		u.From, u.Kind, u.Text, u.Bytes = FromServer, Reply, x.Text, x.Bytes
	case *event.Body:
		u.From, u.Kind, u.Text, u.Bytes = Direction(x.From), Data, x.Head, x.Bytes
		if w.joins(s, &u) {
			return
		}
	case *event.Overheard:
		var lines []string
		for _, l := range x.Lines {
			lines = append(lines, l.Text)
		}
		u.From, u.Kind, u.Text, u.Bytes = FromClient, Data, strings.Join(lines, "\n"), x.Bytes
		if w.joins(s, &u) {
			return
		}
	default:
		r := w.Words(e)
		if r.Text == "" {
			return
		}
		u.From, u.Kind, u.Event, u.Text = FromRig, Note, r.Event, r.Text
	}
	s.Units = append(s.Units, u)
}

// joins adds bytes to the unit before, where they follow it.
func (w Renderer) joins(s *Session, u *Unit) bool {
	n := len(s.Units)
	if n == 0 || s.Elided > 0 && n == s.ElidedAt {
		return false
	}
	last := &s.Units[n-1]
	if last.Kind != Data || last.From != u.From || last.Secure != u.Secure || last.Injected != u.Injected {
		return false
	}
	last.Bytes += u.Bytes
	if room := event.MaxHead - len(last.Text); room > len(u.Text) && u.Text != "" {
		last.Text += "\n" + u.Text
	}
	return true
}

// tlsOf renders the summary of a connection's TLS.
func tlsOf(t *event.TLS) *TLS {
	if t == nil {
		return nil
	}
	out := &TLS{
		ServerName: t.ServerName, Certificate: t.Certificate, Hello: t.Hello, StartTLS: t.StartTLS,
		Established: t.Established(), Error: failure(t), Alert: t.ClientAlert(), AlertName: event.AlertName(t.ClientAlert()),
	}
	if t.Version != 0 {
		out.Version = tls.VersionName(t.Version)
	}
	if t.Cipher != 0 {
		out.Cipher = tls.CipherSuiteName(t.Cipher)
	}
	return out
}
