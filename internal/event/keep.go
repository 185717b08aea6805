package event

import (
	"slices"
	"time"
)

// This file is the recorder's other half: how it keeps events, gives snapshots of them, and closes the record.

// End closes the record. Only the first call has an effect.
func (r *Recorder) End(by EndedBy) { r.EndHow(by, "") }

// EndHow is End for a caller that knows how the connection ended.
func (r *Recorder) EndHow(by EndedBy, how How) {
	r.mu.Lock()
	if r.final != nil {
		r.mu.Unlock()
		return
	}
	r.add("", &Ended{By: by, How: how})
	r.r.End = r.r.Start.Add(time.Since(r.r.Start)).Round(0)
	r.r.EndedBy = by
	s := r.snapshot()
	r.final = s
	cost := min(r.cost(), r.reserved)
	r.ring.release(r.reserved - cost)
	r.head, r.tail, r.text, r.end, r.acts = nil, nil, nil, nil, nil
	r.mu.Unlock()
	if len(s.Events) > 0 {
		r.tellLast(s.Events[len(s.Events)-1])
	}
	r.ring.finish(r, s, cost)
}

// Record returns what has been recorded so far. This is a snapshot while the connection is open, and afterwards the
// record that the Journal keeps. Change neither.
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
	s.Start = s.Start.Round(0)
	s.Logins = slices.Clip(s.Logins)
	s.Messages = slices.Clip(s.Messages)
	if s.Elided > 0 {
		s.ElidedAt = len(r.head)
	}
	if e := r.last(); e != nil {
		r.settle(e)
		s.Events = make([]Event, 0, len(r.head)+len(r.tail)+len(r.acts))
		s.Events = append(append(s.Events, r.head...), r.tail...)
		freeze(&s.Events[len(s.Events)-1])
		s.Events = append(s.Events, r.acts...)
	}
	return &s
}

// freeze replaces the content of an event that may still grow by a copy.
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

func (r *Recorder) event(by string, what What) Event {
	return Event{At: time.Since(r.r.Start), Secure: r.secure, By: by, What: what}
}

// add appends the acts that waited for the end of the last event, and then an event.
func (r *Recorder) add(by string, what What) {
	for _, act := range r.acts {
		r.put(act)
	}
	r.acts = r.acts[:0]
	r.put(r.event(by, what))
}

func (r *Recorder) put(e Event) {
	if last := r.last(); last != nil {
		r.settle(last)
		r.tellLast(*last)
	}
	r.text, r.end = r.text[:0], r.end[:0]
	r.kept += size(e.What)
	defer r.account()
	if len(r.head) < maxEvents/2 && !r.crowded {
		r.head = append(r.head, e)
		return
	}
	if len(r.tail) >= r.most() {
		half := len(r.tail) / 2
		for _, old := range r.tail[:half] {
			r.kept -= size(old.What)
			if _, act := old.What.(*Acted); !act { // an act leaves nothing in the dialogue
				r.r.Elided++
			}
		}
		r.tail = slices.Delete(r.tail, 0, half)
	}
	r.tail = append(r.tail, e)
}

// tellLast tells the journal's subscribers about an event that won't grow any more.
func (r *Recorder) tellLast(e Event) {
	if r.ring.listening.Load() {
		r.ring.tell(News{ID: r.r.ID, What: Grew, Event: e})
	}
}
