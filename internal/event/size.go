package event

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// This file bounds the memory that a record holds. Texts are measured after escaping, because that is how they are
// held. Every text that a client can make long is escaped and shortened before it is kept and counted.

// size returns the bytes of text that an event holds. The text of a Login or a Stored counts as 0 here: bound has
// counted it for good, because the record's own lists may outlive the event.
func size(what What) int {
	switch w := what.(type) {
	case *Command:
		return len(w.Line) + len(w.Verb) + len(w.Tag) // Args is part of Line
	case *Finish:
		return len(w.Line)
	case *Reply:
		return len(w.Text) + len(w.End) + len(w.Code) + len(w.Enhanced)
	case *Body:
		return len(w.Head)
	case *Overheard:
		n := 0
		for _, h := range w.Lines {
			n += len(h.Text) + len(h.Verb)
		}
		return n
	case *Hello:
		return len(w.ServerName) + length(w.Protocols) + 2*(len(w.Versions)+len(w.Ciphers))
	case *Handshake:
		return len(w.Detail)
	case *Alert:
		return len(w.Detail)
	case *Acted:
		return len(w.Command)
	case *Bouncing:
		return len(w.Recipient) + len(w.Sender)
	case *Setting:
		return len(w.Text) + 4*len(w.Numbers)
	case *TokenRequest:
		return len(w.Grant) + len(w.Client) + len(w.User) + len(w.Scope)
	case *TokenUse:
		return len(w.Client) + len(w.Scope) + len(w.Needs)
	}
	return 0
}

// loginSize returns the bytes of text that a Login holds.
func loginSize(l *Login) int { return len(l.User) + len(l.Mechanism) }

// storedSize returns the bytes of text that a Stored holds.
func storedSize(m *Stored) int {
	n := len(m.MessageID) + len(m.From) + length(m.Recipients)
	for _, p := range m.Places {
		n += len(p.Account) + len(p.Mailbox)
	}
	if f := m.Form; f != nil {
		n += length(f.Missing) + length(f.Repeated) + len(f.Bcc) + len(f.Date) + len(f.Boundary)
	}
	return n
}

// Size returns how many bytes of memory the record takes, texts included.
func (r *Record) Size() int64 {
	n := recordCost + len(r.Events)*eventCost + len(r.Logins)*loginCost + len(r.Messages)*storedCost + length(r.Offered)
	for i := range r.Events {
		n += size(r.Events[i].What)
	}
	for i := range r.Logins {
		n += loginSize(&r.Logins[i])
	}
	for i := range r.Messages {
		n += storedSize(&r.Messages[i])
	}
	return int64(n)
}

func length(list []string) (n int) {
	for _, s := range list {
		n += len(s)
	}
	return n
}

// What a record takes besides its texts, in bytes.
const (
	recordCost = 1 << 10 // itself
	eventCost  = 224     // an event and what it points to
	loginCost  = 128     // an entry in one of the lists
	storedCost = 256
)

// cost returns what the record takes.
func (r *Recorder) cost() int64 {
	return recordCost + int64(r.kept+(len(r.head)+len(r.tail)+len(r.acts))*eventCost+len(r.r.Logins)*loginCost+len(r.r.Messages)*storedCost)
}

// account reserves room for what the record takes by now. It reserves in steps, so that most events need no look at
// what others have reserved.
func (r *Recorder) account() {
	need := r.cost() - r.reserved
	if need <= 0 || r.crowded {
		return
	}
	need = max(need, r.reserved/2)
	if r.crowded = !r.ring.reserve(need); !r.crowded {
		r.reserved += need
	}
}

// most returns how many events the second half of the record may have.
func (r *Recorder) most() int {
	if r.crowded {
		return maxCrowded
	}
	return maxEvents / 2
}

// room returns how many bytes of a text may be kept, at most limit.
func (r *Recorder) room(limit int) int {
	if r.kept > maxKept || r.crowded {
		return min(limit, maxLate)
	}
	return limit
}

// line escapes and shortens a line.
func (r *Recorder) line(b []byte, limit int) string {
	return shorten(escape(trimEnd(b)), r.room(limit))
}

// name escapes and shortens a name, an address or a detail.
func (r *Recorder) name(s string) string { return fit(s, r.room(maxName)) }

// foreign reports whether escaped copies a text that has this character.
func foreign(c rune) bool { return c >= 0x7f }

// boundCommand escapes and shortens a command line. Args stays a part of Line.
func (r *Recorder) boundCommand(c *Command) {
	before, ok := strings.CutSuffix(c.Line, c.Args)
	whole := len(c.Line)
	c.Line, c.Args = fit(c.Line, r.room(MaxText)), ""
	if ok {
		c.Args = c.Line[min(len(fit(before, MaxText)), len(c.Line)):]
	}
	c.Verb, c.Tag = fit(c.Verb, maxWord), r.name(c.Tag)
	if len(c.Line) < whole || strings.IndexFunc(c.Line, foreign) >= 0 {
		// Line is a copy. The others may be parts of the whole line, and would keep it.
		c.Verb, c.Tag = strings.Clone(c.Verb), strings.Clone(c.Tag)
	}
}

// bound escapes and shortens an event's texts and lists.
func (r *Recorder) bound(what What) {
	switch w := what.(type) {
	case *Hello:
		w.ServerName = r.name(w.ServerName)
		w.Versions = slices.Clone(w.Versions[:min(len(w.Versions), maxList)])
		w.Ciphers = slices.Clone(w.Ciphers[:min(len(w.Ciphers), maxList)])
		w.Protocols = r.names(w.Protocols, maxList/8)
	case *Handshake:
		w.Detail = r.name(w.Detail)
	case *Alert:
		w.Detail = r.name(w.Detail)
	case *Acted:
		w.Command = fit(w.Command, maxWord)
	case *Bouncing:
		w.Recipient, w.Sender = r.name(w.Recipient), r.name(w.Sender)
	case *Setting:
		w.Text = r.name(w.Text)
		w.Numbers = slices.Clone(w.Numbers[:min(len(w.Numbers), maxList)])
	case *TokenRequest:
		w.Grant, w.Client, w.User, w.Scope = fit(w.Grant, maxWord), r.name(w.Client), r.name(w.User), r.name(w.Scope)
	case *TokenUse:
		w.Client, w.Scope, w.Needs = r.name(w.Client), r.name(w.Scope), r.name(w.Needs)
	case *Login:
		w.User, w.Mechanism = r.name(w.User), fit(w.Mechanism, maxWord)
		r.kept += loginSize(w)
	case *Stored:
		w.MessageID, w.From = r.name(w.MessageID), r.name(w.From)
		w.Recipients = r.names(w.Recipients, maxList)
		w.Places = r.places(w.Places)
		if f := w.Form; f != nil {
			f.Missing, f.Repeated = r.names(f.Missing, maxList/4), r.names(f.Repeated, maxList/4)
			f.Bcc, f.Date, f.Boundary = r.name(f.Bcc), r.name(f.Date), r.name(f.Boundary)
		}
		r.kept += storedSize(w)
	}
}

// places bounds a list of places. All of it together has the bound of one text.
func (r *Recorder) places(list []Place) (out []Place) {
	left := r.room(MaxText)
	for _, p := range list[:min(len(list), maxList)] {
		p.Account, p.Mailbox = r.name(p.Account), r.name(p.Mailbox)
		if left -= len(p.Account) + len(p.Mailbox); left < 0 && len(out) > 0 {
			break
		}
		out = append(out, p)
	}
	return out
}

// names bounds a list to most names. All of it together has the bound of one text.
func (r *Recorder) names(list []string, most int) []string {
	out := make([]string, 0, min(len(list), most))
	left := r.room(MaxText)
	for _, s := range list[:min(len(list), most)] {
		s = r.name(s)
		if left -= len(s); left < 0 && len(out) > 0 {
			break
		}
		out = append(out, s)
	}
	return out
}

// fit escapes and shortens a text that is one line.
func fit(s string, limit int) string {
	return shorten(EscapeLine(s[:min(len(s), limit+utf8.UTFMax)]), limit) // a character cut here lies beyond limit anyway
}

// escaped is escape for text that may already be escaped. Escaping twice changes nothing.
func escaped(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 0x7f || c < 0x20 && c != '\n' && c != '\t' {
			return escape([]byte(s))
		}
	}
	return s
}

// shorten cuts a text to limit bytes and releases the rest. It never cuts inside a character or an escape.
func shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	if i := strings.LastIndexByte(s[max(0, limit-3):limit], '\\'); i >= 0 {
		if i += max(0, limit-3); s[i+1] == 'x' {
			limit = i
		}
	}
	return strings.Clone(s[:limit])
}
