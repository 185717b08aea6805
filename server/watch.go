package server

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/transcript"
)

// Findings are made by one goroutine, so that no connection ever waits for them. It reads
// the sessions that have ended from the log, adds each to the case of its client, and
// looks at the cases that have changed, at once. Under load it takes samples, three times a
// second: the last sessions of each turn, and only for what is wrong with them. Open sessions are looked at once a second,
// as long as there are few.
//
// A finding is reported once. It is the same as one before if both are about the same
// client, have the same id and share a session. One that grows (connected again too fast,
// and again) is brought up to date in silence, and reported again when it has grown at
// least ten seconds after the last time.

const (
	batchPause = 25 * time.Millisecond  // between two turns, for what comes together
	loadPause  = 300 * time.Millisecond // ... under load
	longPause  = 2 * time.Second        // ... at most
	loadRate   = 600                    // more sessions in a second are a load
	sampleSize = 16                     // the sessions of a turn that are looked at
	openPause  = time.Second            // between two looks at open sessions
	openMost   = 64                     // more are too many to be looked at
	patience   = 11 * time.Second       // longest that a row of the table waits for more sessions
	againAfter = 10 * time.Second
	settleTime = 300 * time.Millisecond // how long an answer waits for the last findings
)

func now() time.Time { return time.Now() }

type watcher struct {
	log  *transcript.Log
	on   func(Finding) // may be nil
	book *book

	quiet chan string // open sessions to look at now
	hurry chan struct{}
	stop  chan struct{}
	done  chan struct{} // nil: never started
	once  sync.Once

	mu      sync.Mutex
	seen    uint64 // so many of the sessions that ever ended have been looked at
	noticed chan struct{}

	// Only the goroutine's:
	loaded  bool
	turned  time.Time // last
	next    uint64
	gen     int
	clients map[string]*client
}

func newWatcher(log *transcript.Log, on func(Finding)) *watcher {
	return &watcher{
		log: log, on: on, book: newBook(),
		quiet: make(chan string, 64), hurry: make(chan struct{}, 1),
		stop: make(chan struct{}), noticed: make(chan struct{}),
		clients: map[string]*client{},
	}
}

func (w *watcher) start() {
	w.done = make(chan struct{})
	go w.run()
}

// end looks at the sessions that have ended and stops.
func (w *watcher) end() {
	if w.done == nil {
		return
	}
	w.once.Do(func() { close(w.stop) })
	<-w.done
}

// look has an open session looked at soon. It never waits.
func (w *watcher) look(id string) {
	select {
	case w.quiet <- id:
	default: // so many are silent that the next look at open sessions must do
	}
}

func (w *watcher) reset(forget func()) { w.book.empty(forget) }

// settle waits, a short time at most, until all sessions that have ended have been looked
// at, so that an answer about them has their findings.
func (w *watcher) settle(ctx context.Context) {
	_, ended, _ := w.log.Since(^uint64(0))
	timer := time.NewTimer(settleTime)
	defer timer.Stop()
	for {
		w.mu.Lock()
		seen, noticed := w.seen, w.noticed
		w.mu.Unlock()
		if seen >= ended || w.done == nil {
			return
		}
		select {
		case w.hurry <- struct{}{}:
		default:
		}
		select {
		case <-noticed:
		case <-timer.C:
			return
		case <-w.done:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (w *watcher) run() {
	defer close(w.done)
	tick := time.NewTicker(openPause)
	defer tick.Stop()
	for stopping := false; ; {
		var quiet []string
		open := false
		began := now()
		more := w.turn(nil, false)
		if stopping {
			return
		}
		// What comes within the pause is one turn. Where turns take long, because there
		// are many clients, they are fewer.
		least := batchPause
		if w.loaded {
			least = loadPause
		}
		pause := time.NewTimer(min(max(least, 20*now().Sub(began)), longPause))
		select {
		case <-pause.C:
		case <-w.hurry:
		case <-w.stop:
			stopping = true
		}
		pause.Stop()
		if stopping {
			continue
		}
		select {
		case <-more:
		case id := <-w.quiet:
			quiet = append(quiet, id)
			for len(w.quiet) > 0 {
				quiet = append(quiet, <-w.quiet)
			}
		case <-tick.C:
			open = true
		case <-w.hurry:
		case <-w.stop:
			stopping = true
		}
		if open || quiet != nil {
			w.turn(quiet, open)
		}
	}
}

// turn looks at what has changed. It returns a channel that is closed when another session
// ends.
func (w *watcher) turn(quiet []string, open bool) (more <-chan struct{}) {
	var ended []*transcript.Session
	var next uint64
	gen := w.book.generation(func() { ended, next, more = w.log.Since(w.next) })
	if gen != w.gen {
		w.gen = gen
		clear(w.clients)
	}
	w.next = next
	at := now()
	if n := len(ended); n > 0 {
		w.loaded = n > sampleSize && float64(n) > loadRate*at.Sub(w.turned).Seconds()
		if w.loaded {
			ended = ended[n-sampleSize:]
		}
	}
	w.turned = at
	changed := map[string]bool{}
	for _, s := range ended {
		changed[w.add(s, at)] = true
	}
	for key, c := range w.clients {
		if !c.due.IsZero() && !at.Before(c.due) {
			c.due = time.Time{}
			changed[key] = true
		}
	}
	if open || quiet != nil || len(changed) > 0 {
		w.addOpen(quiet, changed, at)
	}
	if changed[""] {
		w.strangers(changed)
	}
	for key := range changed {
		w.judge(w.clients[key], at)
	}
	w.mu.Lock()
	if w.seen != next {
		w.seen = next
		close(w.noticed)
		w.noticed = make(chan struct{})
	}
	w.mu.Unlock()
	return more
}

// judge makes the findings about a client and reports those that are new.
func (w *watcher) judge(c *client, at time.Time) {
	if c == nil || len(c.sessions) == 0 {
		return
	}
	facts, byID := c.facts(w.clients[""])
	kase := &diagnose.Case{Sessions: facts, Now: at}
	found := slices.DeleteFunc(kase.Findings(!w.loaded), func(f Finding) bool { return tooEarly(&f, kase, byID) })
	matched := match(found, byID)
	for i, f := range found {
		e := matched[i]
		switch {
		case e == nil:
			e = &entry{Finding: f, reported: at, early: isOpen(&f, byID)}
			for _, id := range f.Sessions {
				if s := byID[id]; s != nil {
					s.entries = append(s.entries, e)
				}
			}
			w.report(e)
		case grown(&e.Finding, &f):
			for _, id := range f.Sessions {
				if s := byID[id]; s != nil && !slices.Contains(s.entries, e) {
					s.entries = append(s.entries, e)
				}
			}
			w.book.grow(e, f)
			if at.Sub(e.reported) >= againAfter {
				e.reported = at
				w.report(e)
			}
		}
	}
	c.retract(w.book, matched)
}

func (w *watcher) report(e *entry) {
	if w.book.report(e, w.gen) && w.on != nil && e.Severity != Good {
		w.on(e.Finding)
	}
}

// match finds, for each finding, the entry that it is the same as; nil where it is new.
// Those with the same words go first: a session may have two findings of one id.
func match(found []Finding, byID map[string]*watched) []*entry {
	matched := make([]*entry, len(found))
	taken := map[*entry]bool{}
	for _, exact := range []bool{true, false} {
		for i := range found {
			if matched[i] != nil {
				continue
			}
			for _, id := range found[i].Sessions {
				s := byID[id]
				if s == nil {
					continue
				}
				for _, e := range s.entries {
					if matched[i] == nil && e.ID == found[i].ID && !taken[e] && (!exact || e.Title == found[i].Title) {
						matched[i], taken[e] = e, true
					}
				}
			}
		}
	}
	return matched
}

// grown tells if a finding is about sessions that the earlier one wasn't about.
func grown(old, f *Finding) bool {
	return slices.ContainsFunc(f.Sessions, func(id string) bool { return !slices.Contains(old.Sessions, id) })
}
