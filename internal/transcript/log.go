package transcript

import (
	"slices"
	"strconv"
	"sync"
	"time"
)

// Info is what is known of a session when it begins.
type Info struct {
	Door      int
	Service   string
	Protocol  string
	Security  string
	Client    string
	Server    string
	Scenarios []string
}

// Log keeps the open sessions and the last finished ones.
type Log struct {
	max   int
	onEnd func(*Session)

	mu       sync.Mutex
	next     uint64
	open     map[*Recorder]struct{}
	finished []*Session // oldest first, at most max
	ended    uint64     // how many have ever ended
	waiters  chan struct{}
}

// NewLog keeps at most max finished sessions; onEnd, which may be nil, is called
// with each one that ends, from the connection's own goroutine.
func NewLog(max int, onEnd func(*Session)) *Log {
	return &Log{max: max, onEnd: onEnd, open: map[*Recorder]struct{}{}, waiters: make(chan struct{})}
}

// Begin starts the record of a connection.
func (l *Log) Begin(i Info) *Recorder {
	now := time.Now()
	r := &Recorder{log: l, started: now}
	r.s = Session{
		Door: i.Door, Service: i.Service, Protocol: i.Protocol, Security: i.Security,
		Client: i.Client, Server: i.Server, Start: now.Round(0),
		Scenarios: append([]string{}, i.Scenarios...),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	r.s.ID = strconv.FormatUint(l.next, 10)
	l.open[r] = struct{}{}
	return r
}

func (l *Log) finish(r *Recorder, s *Session) {
	if l.onEnd != nil {
		l.onEnd(s)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.open[r]; !ok {
		return // forgotten by Reset
	}
	delete(l.open, r)
	if len(l.finished) >= l.max && l.max > 0 {
		l.finished = slices.Delete(l.finished, 0, len(l.finished)-l.max+1)
	}
	if l.max > 0 {
		l.finished = append(l.finished, s)
	}
	l.ended++
	close(l.waiters)
	l.waiters = make(chan struct{})
}

// Sessions returns the finished sessions that are still kept, in the order in
// which they ended, then the open ones in the order in which they began.
func (l *Log) Sessions() []*Session {
	l.mu.Lock()
	out := slices.Clone(l.finished)
	open := make([]*Recorder, 0, len(l.open))
	for r := range l.open {
		open = append(open, r)
	}
	l.mu.Unlock()
	slices.SortFunc(open, func(a, b *Recorder) int { return a.started.Compare(b.started) })
	for _, r := range open {
		out = append(out, r.Session())
	}
	return out
}

// Open returns the open sessions as they are now, in the order in which they began; none
// at all when there are more than most, which would take long.
func (l *Log) Open(most int) []*Session {
	l.mu.Lock()
	var open []*Recorder
	if len(l.open) <= most {
		for r := range l.open {
			open = append(open, r)
		}
	}
	l.mu.Unlock()
	slices.SortFunc(open, func(a, b *Recorder) int { return a.started.Compare(b.started) })
	var out []*Session
	for _, r := range open {
		out = append(out, r.Session())
	}
	return out
}

// Busy tells if a session is open.
func (l *Log) Busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open) > 0
}

// Get returns a session by its id.
func (l *Log) Get(id string) (*Session, bool) {
	l.mu.Lock()
	var rec *Recorder
	for r := range l.open {
		if r.s.ID == id {
			rec = r
		}
	}
	var found *Session
	for _, s := range l.finished {
		if s.ID == id {
			found = s
		}
	}
	l.mu.Unlock()
	if rec != nil {
		return rec.Session(), true
	}
	return found, found != nil
}

// Since returns the sessions that ended after the first n ever, the number to
// ask with next time, and a channel that is closed when another one ends. Those
// that the ring has dropped already are not returned.
func (l *Log) Since(n uint64) (ended []*Session, next uint64, more <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n < l.ended {
		missed := int(min(l.ended-n, uint64(len(l.finished))))
		ended = slices.Clone(l.finished[len(l.finished)-missed:])
	}
	return ended, l.ended, l.waiters
}

// Reset forgets every finished session, and open ones when they end.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finished = nil
	clear(l.open)
}
