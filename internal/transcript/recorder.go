package transcript

import (
	"bytes"
	"slices"
	"sync"
	"time"
)

// Bounds of one session's record. Past them the middle is left out and counted.
const (
	maxText   = 2 << 10   // kept bytes of one unit of dialogue
	maxData   = 256       // kept bytes of a message body or literal
	maxUnits  = 1024      // kept units: the first half and the last ones
	maxKept   = 256 << 10 // kept bytes of all dialogue; beyond it units are kept by their first bytes
	maxLate   = 80        // ... so many
	maxLogins = 100       // kept login attempts
	maxName   = 256       // kept bytes of a user name
	maxStored = 100       // kept messages
)

// Recorder takes down one session. Its methods may be called by any goroutine.
type Recorder struct {
	log *Log

	mu      sync.Mutex
	s       Session
	head    []*unit
	tail    []*unit
	secure  bool
	kept    int       // bytes of text
	final   *Session  // once ended; nothing is added any more
	started time.Time // with the monotonic clock
}

type unit struct {
	Unit
	text []byte
}

// Said takes down what one side said. Server replies that follow one another
// become one unit; so do the pieces of a body. injected is the name of the
// scenario that made it up, "" for the real thing. b is not kept.
func (r *Recorder) Said(from Direction, kind Kind, b []byte, injected string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final != nil {
		return
	}
	switch from {
	case FromClient:
		r.s.Counts.BytesIn += int64(len(b))
		if kind == Command {
			r.s.Counts.Commands++
		}
	case FromServer:
		r.s.Counts.BytesOut += int64(len(b))
	}
	r.mark(injected)
	u := r.last()
	joins := u != nil && u.From == from && u.Kind == kind && u.Injected == injected && u.Secure == r.secure &&
		(kind == Data || (kind == Reply && from == FromServer))
	if !joins {
		u = &unit{Unit: Unit{At: time.Since(r.started), From: from, Kind: kind, Secure: r.secure, Injected: injected}}
		r.add(u)
	}
	u.Bytes += int64(len(b))
	limit := maxText
	if kind == Data {
		limit = maxData
	}
	if r.kept > maxKept {
		limit = min(limit, maxLate)
	}
	if room := limit - len(u.text); room > 0 {
		n := min(room, len(b))
		u.text = append(u.text, b[:n]...)
		r.kept += n
	}
}

// Note takes down a remark. injected is a scenario's name, or "".
func (r *Recorder) Note(text, injected string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mark(injected)
	r.add(&unit{
		Unit: Unit{At: time.Since(r.started), From: FromRig, Kind: Note, Secure: r.secure, Injected: injected},
		text: []byte(text),
	})
}

// Mark takes down a remark that programs understand too. injected is a scenario's
// name, or "".
func (r *Recorder) Mark(event Event, text, injected string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mark(injected)
	r.add(&unit{
		Unit: Unit{At: time.Since(r.started), From: FromRig, Kind: Note, Secure: r.secure, Injected: injected, Event: event},
		text: []byte(text),
	})
}

// Injected marks a scenario as one that acted, without saying anything.
func (r *Recorder) Injected(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mark(name)
}

func (r *Recorder) mark(name string) {
	if name != "" && !slices.Contains(r.s.Injected, name) {
		r.s.Injected = append(r.s.Injected, name)
	}
}

func (r *Recorder) last() *unit {
	if n := len(r.tail); n > 0 {
		return r.tail[n-1]
	}
	if n := len(r.head); n > 0 {
		return r.head[n-1]
	}
	return nil
}

func (r *Recorder) add(u *unit) {
	if r.final != nil {
		return
	}
	if len(r.head) < maxUnits/2 {
		r.head = append(r.head, u)
		return
	}
	if len(r.tail) >= maxUnits/2 {
		half := len(r.tail) / 2
		r.s.Elided += half
		r.tail = slices.Delete(r.tail, 0, half)
	}
	r.tail = append(r.tail, u)
}

// TLS takes down the outcome of a handshake. With an established one, what
// follows is recorded as secure.
func (r *Recorder) TLS(t TLS) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s.TLS = &t
	if t.Established {
		r.secure = true
	}
}

// TLSAlert adds to an established TLS what came after: in TLS 1.3 a client may
// refuse the certificate when the server's handshake is done already.
func (r *Recorder) TLSAlert(errText string, alert int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.s.TLS == nil {
		r.s.TLS = &TLS{}
	}
	t := *r.s.TLS
	t.Error, t.Alert, t.AlertName = errText, alert, AlertName(alert)
	r.s.TLS = &t
}

// Login takes down a login attempt.
func (r *Recorder) Login(l Login) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.Secure, l.At = r.secure, time.Since(r.started)
	r.mark(l.Injected)
	if len(l.User) > maxName {
		l.User = l.User[:maxName]
	}
	if len(r.s.Logins) < maxLogins {
		r.s.Logins = append(r.s.Logins, l)
	} else {
		r.s.Logins[maxLogins-1] = l // the last one tells how it ended
	}
}

// Stored takes down a message that has come into mailboxes.
func (r *Recorder) Stored(m Stored) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.Secure, m.At = r.secure, time.Since(r.started)
	for _, text := range []*string{&m.MessageID, &m.From} {
		if len(*text) > maxName {
			*text = (*text)[:maxName]
		}
	}
	if len(r.s.Messages) < maxStored {
		r.s.Messages = append(r.s.Messages, m)
	}
}

// Scenarios adds scenarios that have become active on the connection, being those of the
// user who is now known.
func (r *Recorder) Scenarios(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range names {
		if !slices.Contains(r.s.Scenarios, name) {
			r.s.Scenarios = append(slices.Clip(r.s.Scenarios), name)
		}
	}
}

// MessageIn counts a message accepted from the client.
func (r *Recorder) MessageIn() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s.Counts.MessagesIn++
}

// MessageOut counts a message body sent to the client.
func (r *Recorder) MessageOut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s.Counts.MessagesOut++
}

// ID returns the session's id.
func (r *Recorder) ID() string { return r.s.ID }

// End closes the record. Only the first call counts.
func (r *Recorder) End(by EndedBy) {
	r.mu.Lock()
	if r.final != nil {
		r.mu.Unlock()
		return
	}
	r.s.End = r.s.Start.Add(time.Since(r.started))
	r.s.EndedBy = by
	s := r.snapshot()
	r.final = s
	r.head, r.tail = nil, nil
	r.mu.Unlock()
	r.log.finish(r, s)
}

// Session returns what is recorded so far: a copy, or, once it has ended, what the
// Log keeps, which isn't to be changed.
func (r *Recorder) Session() *Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final != nil {
		return r.final
	}
	return r.snapshot()
}

func (r *Recorder) snapshot() *Session {
	s := r.s
	s.Logins = append([]Login{}, r.s.Logins...)
	s.Messages = append([]Stored{}, r.s.Messages...)
	s.Injected = append([]string{}, r.s.Injected...)
	if s.Elided > 0 {
		s.ElidedAt = len(r.head)
	}
	s.Units = make([]Unit, 0, len(r.head)+len(r.tail))
	for _, list := range [2][]*unit{r.head, r.tail} {
		for _, u := range list {
			out := u.Unit
			out.Text = printable(u.text)
			s.Units = append(s.Units, out)
		}
	}
	return &s
}

// printable drops the last line end, uses \n between lines, and shows bytes that are no
// UTF-8 as \xNN, so that JSON and a terminal carry it unharmed.
func printable(b []byte) string {
	b = bytes.TrimSuffix(b, []byte("\n"))
	b = bytes.TrimSuffix(b, []byte("\r"))
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	return escape(b)
}
