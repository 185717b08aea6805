package event

import (
	"bytes"
	"slices"
	"sync"
	"time"
)

// Bounds of what is kept of one text, in bytes as they are held: escaping counts.
const (
	MaxText = 2 << 10 // of a command or a reply
	MaxHead = 256     // of a message body or literal, or of an overheard line
)

// Bounds of one record. Past them the middle is left out and counted.
const (
	maxEvents = 1024      // kept events: the first half and the last ones
	maxKept   = 256 << 10 // kept bytes of all text (size.go); beyond it text is kept by its first bytes
	maxLate   = 80        // ... so many
	maxLogins = 100       // kept login attempts
	maxName   = 256       // kept bytes of a user name, a Message-ID, an address, a detail
	maxWord   = 64        // kept bytes of a verb
	maxStored = 100       // kept messages
	maxHeard  = 64        // kept lines of one Overheard
	maxList   = 64        // kept entries of a ClientHello's lists, of recipients and of places
)

// Reader reads a protocol's replies for the record.
type Reader interface {
	// Verdict says what the lines of a reply to the command with that tag come to. greeting says that no
	// command has come yet.
	Verdict(tag string, lines []string, greeting bool) Verdict
}

// Info is what is known of a connection when it begins.
type Info struct {
	Door      int
	Service   string
	Protocol  string
	Security  string
	Client    string
	Server    string
	Scenarios []string
	Reader    Reader // nil: replies get no verdict
}

// Recorder records one connection. Its methods may be called by any goroutine.
type Recorder struct {
	ring    *Ring
	reader  Reader
	started time.Time // with the monotonic clock

	mu       sync.Mutex
	r        Record // without Events
	head     []Event
	tail     []Event
	secure   bool
	kept     int // bytes of text that are held
	commands bool
	tag      string  // of the last command
	text     []byte  // of the last event, which may still grow
	end      []byte  // the last line of a reply whose text is full
	final    *Record // once ended; nothing is added any more
}

// ID returns the record's opaque id.
func (r *Recorder) ID() string { return r.r.ID }

// Command records a command line.
func (r *Recorder) Command(c Command) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final != nil {
		return
	}
	r.r.Counts.BytesIn += c.Bytes
	r.r.Counts.Commands++
	r.boundCommand(&c)
	r.add("", &c)
	r.tag, r.commands = c.Tag, true // only now: add settles the reply to the command before
}

// Answer records a line of a login exchange of n bytes; of the line itself only what it is by its form is kept.
func (r *Recorder) Answer(line []byte) {
	a := &Answer{Form: SecretAnswer, Bytes: int64(len(line))}
	switch body, _ := cutEnd(line); string(body) {
	case "":
		a.Form = EmptyAnswer
	case "*":
		a.Form = CancelAnswer
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final == nil {
		r.r.Counts.BytesIn += a.Bytes
		r.add("", a)
	}
}

// Finish records the line that ends a command that lasts. line is masked already.
func (r *Recorder) Finish(line []byte, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final != nil {
		return
	}
	r.r.Counts.BytesIn += int64(n)
	r.r.Counts.Commands++
	r.add("", &Finish{Line: r.line(line, MaxText), Bytes: int64(n)})
}

// Reply records lines of the server's; those that follow one another become one event. by is the scenario
// that made them up, "" for the real thing. b isn't kept.
func (r *Recorder) Reply(b []byte, by string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final != nil {
		return
	}
	r.r.Counts.BytesOut += int64(len(b))
	r.mark(by)
	e := r.last()
	reply, joins := (*Reply)(nil), false
	if e != nil && e.By == by && e.Secure == r.secure {
		reply, joins = e.What.(*Reply)
	}
	if !joins {
		reply = &Reply{Greeting: !r.commands}
		r.add(by, reply)
	}
	reply.Bytes += int64(len(b))
	if rest := r.grow(b, MaxText); len(rest) > 0 {
		if len(b) > MaxHead { // else settle finds the last line: most lines have another one behind them
			b = lastLine(trimEnd(b))
		}
		r.end = append(r.end[:0], b[:min(len(b), MaxHead)]...)
	}
}

func lastLine(b []byte) []byte { return b[bytes.LastIndexByte(b, '\n')+1:] }

// grow adds bytes to the text of the last event, and returns what has no room.
func (r *Recorder) grow(b []byte, limit int) (rest []byte) {
	n := max(0, min(r.room(limit)-len(r.text), len(b)))
	r.text = append(r.text, b[:n]...)
	return b[n:]
}

// settle gives the last event the text and the verdict that it has by now.
func (r *Recorder) settle(e *Event) {
	before := size(e.What)
	switch w := e.What.(type) {
	case *Reply:
		text, end := escape(trimEnd(r.text)), ""
		w.Text = shorten(text, r.room(MaxText))
		switch {
		case len(r.end) > 0:
			end = escape(lastLine(trimEnd(r.end)))
		case len(w.Text) < len(text): // escaping has made it too long
			end = string(lastLine([]byte(text)))
		}
		w.End = shorten(end, r.room(MaxHead))
		if r.reader != nil {
			w.Verdict = r.reader.Verdict(r.tag, w.Lines(), w.Greeting)
			w.Code, w.Enhanced = shorten(w.Code, maxWord), shorten(w.Enhanced, maxWord)
		}
	case *Body:
		// A CR at the end may be half a line end.
		w.Head = shorten(escape(bytes.TrimSuffix(r.text, []byte("\r"))), r.room(MaxHead))
	}
	r.kept += size(e.What) - before
}

// Body records bytes of a message or literal; those that follow one another become one event.
func (r *Recorder) Body(from Side, b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final != nil {
		return
	}
	if from == Client {
		r.r.Counts.BytesIn += int64(len(b))
	} else {
		r.r.Counts.BytesOut += int64(len(b))
	}
	body := r.lastBody(from)
	if body == nil {
		body = &Body{From: from}
		r.add("", body)
	}
	body.Bytes += int64(len(b))
	r.grow(b, MaxHead)
}

// EndBody records that the last byte of the body came, and how its lines are formed.
func (r *Recorder) EndBody(from Side, l Lines) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if body := r.lastBody(from); body != nil && r.final == nil {
		body.Ended, body.Lines = true, l
	}
}

func (r *Recorder) lastBody(from Side) *Body {
	e := r.last()
	if e == nil || e.Secure != r.secure {
		return nil
	}
	if body, ok := e.What.(*Body); ok && body.From == from && !body.Ended {
		return body
	}
	return nil
}

// Overheard records a line that nobody answers. line is masked already; n is how long it really was.
func (r *Recorder) Overheard(h HeardLine, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final != nil {
		return
	}
	r.r.Counts.BytesIn += int64(n)
	e := r.last()
	heard, joins := (*Overheard)(nil), false
	if e != nil && e.Secure == r.secure {
		heard, joins = e.What.(*Overheard)
	}
	if !joins {
		heard = &Overheard{}
		r.add("", heard)
	}
	heard.Bytes += int64(n)
	if len(heard.Lines) == 0 || len(heard.Lines) < maxHeard && r.kept <= maxKept {
		h.Text, h.Verb = fit(h.Text, r.room(MaxHead)), fit(h.Verb, maxWord)
		r.kept += len(h.Text) + len(h.Verb)
		heard.Lines = append(heard.Lines, h)
	}
}

// Add records anything else. by is a scenario's name, or "".
func (r *Recorder) Add(what What, by string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final != nil {
		return
	}
	r.mark(by)
	r.bound(what)
	r.add(by, what)
	r.sum(what)
}

// Notice records a fact that needs no details.
func (r *Recorder) Notice(s Sign, by string) { r.Add(&Noticed{Sign: s}, by) }

// sum keeps the summary up to date with an event.
func (r *Recorder) sum(what What) {
	t := TLS{}
	if r.r.TLS != nil {
		t = *r.r.TLS
	}
	switch w := what.(type) {
	case *Hello:
		t.Hello, t.ServerName, t.StartTLS = true, w.ServerName, w.StartTLS
	case *Handshake:
		t.Handshake = *w
		r.secure = r.secure || w.Outcome == Established
	case *Alert:
		t.Alert, t.AlertFrom, t.Detail = w.Number, w.From, w.Detail
	case *CloseNotify:
		t.CloseNotify = true
	default:
		return
	}
	r.r.TLS = &t // a new one: snapshots keep theirs
}

// Injected marks a scenario as one that acted, without an event.
func (r *Recorder) Injected(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mark(name)
}

func (r *Recorder) mark(name string) {
	if name != "" && !slices.Contains(r.r.Injected, name) {
		r.r.Injected = append(slices.Clip(r.r.Injected), name)
	}
}

// Login records a login attempt. Secure and At are filled in.
func (r *Recorder) Login(l Login) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final != nil {
		return
	}
	l.Secure, l.At = r.secure, time.Since(r.started)
	r.mark(l.Injected)
	r.bound(&l)
	if len(r.r.Logins) < maxLogins {
		r.r.Logins = append(r.r.Logins, l)
	} else {
		logins := slices.Clone(r.r.Logins) // snapshots keep theirs
		logins[maxLogins-1] = l            // the last one tells how it ended
		r.r.Logins = logins
	}
	r.add(l.Injected, &l)
}

// Stored records a message that has come into mailboxes. Secure and At are filled in.
func (r *Recorder) Stored(m Stored) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final != nil {
		return
	}
	m.Secure, m.At = r.secure, time.Since(r.started)
	r.bound(&m)
	if len(r.r.Messages) < maxStored {
		r.r.Messages = append(r.r.Messages, m)
	}
	r.add("", &m)
}

// Scenarios adds scenarios that have become active on the connection: those of the user who is now known.
func (r *Recorder) Scenarios(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range names {
		if !slices.Contains(r.r.Scenarios, name) {
			r.r.Scenarios = append(slices.Clip(r.r.Scenarios), name)
		}
	}
}

// MessageIn counts a message accepted from the client.
func (r *Recorder) MessageIn() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.r.Counts.MessagesIn++
}

// MessageOut counts a message body sent to the client.
func (r *Recorder) MessageOut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.r.Counts.MessagesOut++
}

// End closes the record. Only the first call counts.
func (r *Recorder) End(by EndedBy) {
	r.mu.Lock()
	if r.final != nil {
		r.mu.Unlock()
		return
	}
	r.add("", &Ended{By: by})
	r.r.End = r.r.Start.Add(time.Since(r.started))
	r.r.EndedBy = by
	s := r.snapshot()
	r.final = s
	r.head, r.tail, r.text, r.end = nil, nil, nil, nil
	r.mu.Unlock()
	if len(s.Events) > 0 {
		r.tellLast(s.Events[len(s.Events)-1])
	}
	r.ring.finish(r, s)
}

// Record returns what is recorded so far: a snapshot, or, once the connection has ended, what the Journal
// keeps. Neither is to be changed.
func (r *Recorder) Record() *Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final != nil {
		return r.final
	}
	return r.snapshot()
}

func (r *Recorder) snapshot() *Record {
	s := r.r
	s.Logins = slices.Clip(s.Logins)
	s.Messages = slices.Clip(s.Messages)
	if s.Elided > 0 {
		s.ElidedAt = len(r.head)
	}
	if e := r.last(); e != nil {
		r.settle(e)
		s.Events = make([]Event, 0, len(r.head)+len(r.tail))
		s.Events = append(append(s.Events, r.head...), r.tail...)
		freeze(&s.Events[len(s.Events)-1])
	}
	return &s
}

// freeze replaces what may still grow by a copy.
func freeze(e *Event) {
	switch w := e.What.(type) {
	case *Reply:
		c := *w
		e.What = &c
	case *Body:
		c := *w
		e.What = &c
	case *Overheard:
		c := *w
		c.Lines = slices.Clone(c.Lines)
		e.What = &c
	}
}

func (r *Recorder) last() *Event {
	if n := len(r.tail); n > 0 {
		return &r.tail[n-1]
	}
	if n := len(r.head); n > 0 {
		return &r.head[n-1]
	}
	return nil
}

func (r *Recorder) add(by string, what What) {
	if e := r.last(); e != nil {
		r.settle(e)
		r.tellLast(*e)
	}
	r.text, r.end = r.text[:0], r.end[:0]
	r.kept += size(what)
	e := Event{At: time.Since(r.started), Secure: r.secure, By: by, What: what}
	if len(r.head) < maxEvents/2 {
		r.head = append(r.head, e)
		return
	}
	if len(r.tail) >= maxEvents/2 {
		half := len(r.tail) / 2
		r.r.Elided += half
		for _, old := range r.tail[:half] {
			r.kept -= size(old.What)
		}
		r.tail = slices.Delete(r.tail, 0, half)
	}
	r.tail = append(r.tail, e)
}

// tellLast tells the journal's subscribers of an event that won't grow any more.
func (r *Recorder) tellLast(e Event) {
	if r.ring.listening.Load() {
		r.ring.tell(News{ID: r.r.ID, What: Grew, Event: e})
	}
}
