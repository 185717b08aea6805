package event

import (
	"bytes"
	"slices"
	"sync"
	"time"
)

// How much of one text a record keeps, in bytes after escaping.
const (
	MaxText = 2 << 10 // of a command or a reply
	MaxHead = 256     // of a message body, a literal or an overheard line
)

// How much one record keeps. Beyond these bounds the middle is left out and counted.
const (
	maxEvents = 1024      // events: the first half and the last ones
	maxKept   = 256 << 10 // bytes of all text (size.go); beyond it, each text keeps its first maxLate bytes
	maxLate   = 80        // bytes of each text once maxKept is exceeded
	maxLogins = 100       // login attempts
	maxName   = 256       // bytes of a user name, a Message-ID, an address or a detail
	maxWord   = 64        // bytes of a verb
	maxStored = 100       // messages
	maxHeard  = 64        // lines in one Overheard
	// The last events that a record keeps once the journal has no room for more.
	maxCrowded = 32
	maxList    = 64 // entries in a ClientHello's lists, in recipients and in places
)

// apart is how long lines from the server join the ones before them in one event.
const apart = time.Second

// Reader judges a protocol's replies for the record.
type Reader interface {
	// Verdict says what the lines of a reply mean. tag is the tag of the command that they answer. greeting says that
	// no command has come yet.
	Verdict(tag string, lines []string, greeting bool) Verdict
}

// Info is what is known about a connection when it begins.
type Info struct {
	Door      int
	Service   string
	Protocol  string
	Security  string
	Client    string
	Server    string
	Scenarios []string
	Reader    Reader // nil: replies have no verdict
}

// Recorder records one connection. Any goroutine may call its methods.
type Recorder struct {
	ring   *Ring
	reader Reader

	mu       sync.Mutex
	r        Record // without Events; Start holds the monotonic clock
	head     []Event
	tail     []Event
	secure   bool
	commands bool
	kept     int     // bytes of text held
	reserved int64   // bytes reserved in the ring's room
	crowded  bool    // there is no room: keep little more
	tag      string  // of the last command
	text     []byte  // text of the last event, which may still grow
	end      []byte  // last line of a reply whose text is full
	acts     []Event // acts of rules during the last event; they are recorded after it
	final    *Record // set when the connection has ended; nothing is added after that
}

// ID returns the record's opaque id.
func (r *Recorder) ID() string { return r.r.ID }

// Command records a command line. Of a line that is masked it counts the bytes that are shown: a credential's length is
// private too.
func (r *Recorder) Command(c *Command) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final != nil {
		return
	}
	if c.Secret || c.Masked {
		c.Bytes = lineBytes(c.Line)
	}
	r.r.Counts.BytesIn += c.Bytes
	r.r.Counts.Commands++
	r.boundCommand(c)
	r.add("", c)
	r.tag, r.commands = c.Tag, true // only now: add settles the reply to the previous command
}

// lineBytes is the size of a line with this text on the wire.
func lineBytes(text string) int64 { return int64(len(text) + len("\r\n")) }

// Answer records a line of a login exchange. It keeps the line's form, neither its bytes nor its length.
func (r *Recorder) Answer(line []byte) {
	a := &Answer{Form: SecretAnswer, Bytes: lineBytes(Mask)}
	switch string(bytes.TrimRight(line, "\r\n")) {
	case "":
		a.Form, a.Bytes = EmptyAnswer, lineBytes("")
	case "*":
		a.Form, a.Bytes = CancelAnswer, lineBytes("*")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final == nil {
		r.r.Counts.BytesIn += a.Bytes
		r.add("", a)
	}
}

// Finish records the line that ends a lasting command. line is already masked; n is its real length in bytes.
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

// Reply records lines from the server. Consecutive lines become one event, unless they are late: a line that comes a second
// or more after the event began has a time of its own, like what IDLE tells of. by is the scenario that made them up, or
// "". Reply doesn't keep b.
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
	if !joins || r.late(e) {
		reply = &Reply{Greeting: !r.commands}
		r.add(by, reply)
	}
	reply.Bytes += int64(len(b))
	if rest := r.grow(b, MaxText); len(rest) > 0 {
		if len(b) > MaxHead { // otherwise settle finds the last line; most lines have another one after them
			b = lastLine(trimEnd(b))
		}
		r.end = append(r.end[:0], b[:min(len(b), MaxHead)]...)
	}
}

// late reports whether the last line of a reply is whole, and the reply began too long ago for more lines to join it.
func (r *Recorder) late(e *Event) bool {
	last := r.text
	if len(r.end) > 0 {
		last = r.end
	}
	return bytes.HasSuffix(last, []byte("\n")) && time.Since(r.r.Start)-e.At >= apart
}

func lastLine(b []byte) []byte { return b[bytes.LastIndexByte(b, '\n')+1:] }

// grow appends bytes to the last event's text and returns those that don't fit.
func (r *Recorder) grow(b []byte, limit int) (rest []byte) {
	n := max(0, min(r.room(limit)-len(r.text), len(b)))
	r.text = append(r.text, b[:n]...)
	return b[n:]
}

// settle updates the last event's text and verdict.
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
		// A CR at the end may be half of a line end.
		w.Head = shorten(escape(bytes.TrimSuffix(r.text, []byte("\r"))), r.room(MaxHead))
	}
	r.kept += size(e.What) - before
}

// Body records bytes of a message or literal. Consecutive bytes become one event.
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

// EndBody records that the body's last byte came, and how its lines are formed.
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

// Overheard records a line that nobody answers. The line is already masked; n is its real length in bytes. Of a line
// that carried a secret, Overheard counts the bytes that are shown.
func (r *Recorder) Overheard(h HeardLine, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final != nil {
		return
	}
	if h.Secret {
		n = int(lineBytes(h.Text))
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

// Add records any other event. by is the scenario behind it, or "". The recorder shortens the event in place and keeps
// it.
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

// Standing is Add for what holds from now on, whether the client meets it or not. Unlike the other methods, it doesn't
// mark the scenario as one that acted; Injected does when the client meets it.
func (r *Recorder) Standing(what What, by string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final != nil {
		return
	}
	r.bound(what)
	r.add(by, what)
	r.sum(what)
}

// Notice records a fact that has no details.
func (r *Recorder) Notice(s Sign, by string) { r.Add(&Noticed{Sign: s}, by) }

// Acted records that a rule of the scenario by has acted. An act in the middle of a reply or a body is recorded after
// it, so that the reply or body stays one event. Unlike the other methods, Acted doesn't mark the scenario as one that
// acted: the events that show the effect do.
func (r *Recorder) Acted(a Acted, by string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final != nil {
		return
	}
	r.bound(&a)
	if last := r.last(); last == nil || !grows(last.What) {
		r.add(by, &a)
	} else if len(r.acts) < maxList {
		r.acts = append(r.acts, r.event(by, &a))
	}
}

// grows reports whether the next bytes may join an event.
func grows(what What) bool {
	switch w := what.(type) {
	case *Reply, *Overheard:
		return true
	case *Body:
		return !w.Ended
	}
	return false
}

// sum updates the record's summary with an event.
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
	r.r.TLS = &t // a new value, because snapshots share the old one
}

// Injected records that a scenario acted, without adding an event.
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

// Login records a login attempt. It fills in Secure and At.
func (r *Recorder) Login(l Login) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final != nil {
		return
	}
	l.Secure, l.At = r.secure, time.Since(r.r.Start)
	r.mark(l.Injected)
	r.bound(&l)
	if len(r.r.Logins) < maxLogins {
		r.r.Logins = append(r.r.Logins, l)
	} else {
		logins := slices.Clone(r.r.Logins) // snapshots share the old slice
		logins[maxLogins-1] = l            // the last one shows how it ended
		r.r.Logins = logins
	}
	r.add(l.Injected, &l)
}

// Stored records a message that has been put into mailboxes. It fills in Secure and At.
func (r *Recorder) Stored(m Stored) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final != nil {
		return
	}
	m.Secure, m.At = r.secure, time.Since(r.r.Start)
	r.bound(&m)
	if len(r.r.Messages) < maxStored {
		r.r.Messages = append(r.r.Messages, m)
	}
	r.add("", &m)
}

// Offers records which ways to log in the server would list from now on, as its list of capabilities names them.
func (r *Recorder) Offers(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final != nil {
		return
	}
	r.kept -= length(r.r.Offered)
	r.r.Offered = r.names(names, maxList) // a new list, because snapshots share the old one
	r.kept += length(r.r.Offered)
}

// Scenarios adds the scenarios of the connection's user, who is known now.
func (r *Recorder) Scenarios(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range names {
		if !slices.Contains(r.r.Scenarios, name) {
			r.r.Scenarios = append(slices.Clip(r.r.Scenarios), name)
		}
	}
}

// MessageIn counts a message that the server accepted from the client.
func (r *Recorder) MessageIn() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.r.Counts.MessagesIn++
}

// MessageOut counts a message that the server sent to the client.
func (r *Recorder) MessageOut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.r.Counts.MessagesOut++
}
