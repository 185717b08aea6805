package event

import (
	"cmp"
	"iter"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Ring is a Journal in memory. It holds the open connections and the latest ended ones.
type Ring struct {
	keep  int
	newID func() string
	onEnd func(*Record)
	looks func(*Record) bool
	room  Room
	begin uint64        // see Options.Begin
	past  chan struct{} // closed when what ended before is there

	mu    sync.Mutex
	open  map[*Recorder]struct{}
	ended []kept // oldest first, at most keep
	minor int    // how many of them are minor
	total uint64 // how many have ended, those before the ring was made included
	more  chan struct{}

	submu       sync.Mutex
	subscribers []*Subscription
	listening   atomic.Bool // set while there are subscribers
}

// Options configure a Ring.
type Options struct {
	Keep  int           // how many ended records to keep, the newest ones; 0 means none
	NewID func() string // makes record ids, which must be unique for ever; nil gives "1", "2", …
	// OnEnd, if not nil, is called with each record that ends, before Since returns it. It runs on the connection's own
	// goroutine, so it must be quick.
	OnEnd func(*Record)
	// Minor, if not nil, reports whether a client only had a look, as health checks do every second. A tenth of the kept
	// records may be such ones before they leave ahead of older ones. It runs as OnEnd does.
	Minor func(*Record) bool
	// Begin is how many records ended before the ring was made. If Restored is set, the latest of them come by Restore, and
	// readers who want them wait for it.
	Begin    uint64
	Restored bool
	// Room is for the records, open and ended. If there is none left, the oldest ended ones are forgotten; if there are
	// none of these, open ones keep little more. nil has no bound.
	Room Room
}

// minorShare is the part of the kept records, one in so many, that may be minor before these leave first.
const minorShare = 10

// kept is an ended record.
type kept struct {
	*Record
	number uint64 // it was the so-manieth to end
	cost   int64  // bytes reserved in room
	minor  bool
}

// Room is memory that somebody else bounds, in bytes.
type Room interface {
	Reserve(n int64) error
	Release(n int64)
}

// NewRing returns an empty Ring.
func NewRing(o Options) *Ring {
	j := &Ring{keep: o.Keep, newID: o.NewID, onEnd: o.OnEnd, looks: o.Minor, room: o.Room, begin: o.Begin, total: o.Begin,
		past: make(chan struct{}), open: map[*Recorder]struct{}{}, more: make(chan struct{})}
	if !o.Restored {
		close(j.past)
	}
	if j.newID == nil {
		n := uint64(0) // Begin calls newID with the lock held
		j.newID = func() string { n++; return strconv.FormatUint(n, 10) }
	}
	return j
}

// Begin implements Journal.
func (j *Ring) Begin(i Info) *Recorder {
	r := &Recorder{ring: j, reader: i.Reader}
	r.r = Record{
		Door: i.Door, Service: i.Service, Protocol: i.Protocol, Security: i.Security,
		Client: i.Client, Server: i.Server, Start: time.Now(),
		Scenarios: slices.Clone(i.Scenarios),
	}
	j.mu.Lock()
	r.r.ID = j.newID()
	j.open[r] = struct{}{}
	j.mu.Unlock()
	j.tell(News{ID: r.r.ID, What: Began})
	return r
}

// finish takes over a record that has ended, and cost, the bytes that are reserved for it.
func (j *Ring) finish(r *Recorder, s *Record, cost int64) {
	if j.onEnd != nil {
		j.onEnd(s)
	}
	minor := j.looks != nil && j.looks(s)
	defer j.tell(News{ID: s.ID, What: Closed})
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, ok := j.open[r]; !ok {
		j.release(cost)
		return // forgotten by Reset
	}
	delete(j.open, r)
	for len(j.ended) >= j.keep && len(j.ended) > 0 {
		j.forget()
	}
	j.total++
	if j.keep > 0 {
		j.ended = append(j.ended, kept{s, j.total, cost, minor})
		j.minor += count(minor)
	} else {
		j.release(cost)
	}
	close(j.more)
	j.more = make(chan struct{})
}

// forget forgets an ended record: the oldest one, or the oldest minor one if there are too many of these. The caller holds
// j.mu.
func (j *Ring) forget() {
	i := 0
	if j.minor > max(1, j.keep/minorShare) {
		i = slices.IndexFunc(j.ended, func(k kept) bool { return k.minor })
	}
	j.release(j.ended[i].cost)
	j.minor -= count(j.ended[i].minor)
	if i == 0 {
		j.ended[0] = kept{}
		j.ended = j.ended[1:]
		return
	}
	j.ended = slices.Delete(j.ended, i, i+1)
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// after returns the index of the first kept record that ended after the first n. The caller holds j.mu.
func (j *Ring) after(n uint64) int {
	i, _ := slices.BinarySearchFunc(j.ended, n+1, func(k kept, number uint64) int { return cmp.Compare(k.number, number) })
	return i
}

// records returns the records of kept ones.
func records(list []kept) []*Record {
	all := make([]*Record, 0, len(list))
	for _, k := range list {
		all = append(all, k.Record)
	}
	return all
}

func (j *Ring) release(n int64) {
	if j.room != nil {
		j.room.Release(n)
	}
}

// reserve reserves room for a record, and forgets older ones if it must. It reports whether there is room.
func (j *Ring) reserve(n int64) bool {
	if j.room == nil || j.room.Reserve(n) == nil {
		return true
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.ended) > 0 {
		j.forget()
		if j.room.Reserve(n) == nil {
			return true
		}
	}
	return false
}

// page is how many records Walk holds.
const page = 16

// Walk implements Journal.
func (j *Ring) Walk(after uint64, open bool) iter.Seq[*Record] {
	j.await(after)
	j.mu.Lock()
	last := j.total
	var recorders []*Recorder
	if open {
		recorders = j.recorders()
	}
	j.mu.Unlock()
	return func(yield func(*Record) bool) {
		for n := after; n < last; {
			j.mu.Lock()
			from, to := j.after(n), j.after(last) // those that are forgotten are left out
			to = min(to, from+page)
			some := records(j.ended[from:to])
			if n = last; from < to {
				n = j.ended[to-1].number
			}
			j.mu.Unlock()
			for _, s := range some {
				if !yield(s) {
					return
				}
			}
		}
		for i, r := range recorders {
			recorders[i] = nil
			if !yield(r.Record()) {
				return
			}
		}
	}
}

// Records implements Journal.
func (j *Ring) Records() []*Record {
	j.await(0)
	j.mu.Lock()
	out := records(j.ended)
	open := j.recorders()
	j.mu.Unlock()
	for _, r := range open {
		out = append(out, r.Record())
	}
	return out
}

// Open implements Journal.
func (j *Ring) Open(most int) (out []*Record) {
	j.mu.Lock()
	var open []*Recorder
	if len(j.open) <= most {
		open = j.recorders()
	}
	j.mu.Unlock()
	for _, r := range open {
		out = append(out, r.Record())
	}
	return out
}

// Latest implements Journal.
func (j *Ring) Latest(most int) (out []*Record) {
	j.mu.Lock()
	open := j.recorders()
	j.mu.Unlock()
	for i := len(open) - 1; i >= 0 && len(out) < most; i-- {
		out = append(out, open[i].Record())
	}
	return out
}

// Before implements Journal.
func (j *Ring) Before(n uint64, most int) (ended []*Record, numbers []uint64) {
	j.await(0)
	j.mu.Lock()
	defer j.mu.Unlock()
	end := j.after(min(n, j.total))
	some := j.ended[max(0, end-most):end]
	for _, k := range some {
		numbers = append(numbers, k.number)
	}
	return records(some), numbers
}

// Doors implements Journal.
func (j *Ring) Doors() map[int]int {
	j.mu.Lock()
	defer j.mu.Unlock()
	open := map[int]int{}
	for r := range j.open {
		open[r.r.Door]++
	}
	return open
}

// recorders lists the open recorders, oldest first. The caller holds j.mu.
func (j *Ring) recorders() []*Recorder {
	open := make([]*Recorder, 0, len(j.open))
	for r := range j.open {
		open = append(open, r)
	}
	slices.SortFunc(open, func(a, b *Recorder) int { return a.r.Start.Compare(b.r.Start) })
	return open
}

// Busy implements Journal.
func (j *Ring) Busy() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.open) > 0
}

// Get implements Journal.
func (j *Ring) Get(id string) (*Record, bool) {
	j.mu.Lock()
	var rec *Recorder
	for r := range j.open {
		if r.r.ID == id {
			rec = r
		}
	}
	var found *Record
	if i := slices.IndexFunc(j.ended, func(k kept) bool { return k.ID == id }); i >= 0 {
		found = j.ended[i].Record
	}
	j.mu.Unlock()
	switch {
	case rec != nil:
		return rec.Record(), true
	case found == nil && j.awaits():
		j.await(0)
		return j.Get(id)
	}
	return found, found != nil
}

// Since implements Journal.
func (j *Ring) Since(n uint64) (ended []*Record, next uint64, more <-chan struct{}) {
	j.await(n)
	j.mu.Lock()
	defer j.mu.Unlock()
	return records(j.ended[j.after(n):]), j.total, j.more
}

// Reset implements Journal.
func (j *Ring) Reset() {
	j.await(0)
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.ended) > 0 {
		j.forget()
	}
	j.ended = nil
	clear(j.open)
}

// Subscribe implements Journal.
func (j *Ring) Subscribe(buffer int) *Subscription {
	c := make(chan News, max(1, buffer))
	s := &Subscription{News: c, news: c, ring: j}
	j.submu.Lock()
	defer j.submu.Unlock()
	j.subscribers = append(j.subscribers, s)
	j.listening.Store(true)
	return s
}

func (j *Ring) unsubscribe(s *Subscription) {
	j.submu.Lock()
	defer j.submu.Unlock()
	j.drop(s)
}

// drop closes a subscription. The caller holds j.submu.
func (j *Ring) drop(s *Subscription) {
	if s.closed {
		return
	}
	s.closed = true
	close(s.news)
	j.subscribers = slices.DeleteFunc(j.subscribers, func(o *Subscription) bool { return o == s })
	j.listening.Store(len(j.subscribers) > 0)
}

// tell passes news to the subscribers, and drops those whose buffer is full.
func (j *Ring) tell(n News) {
	if !j.listening.Load() {
		return
	}
	j.submu.Lock()
	defer j.submu.Unlock()
	for _, s := range slices.Clone(j.subscribers) {
		select {
		case s.news <- n:
		default:
			s.lagged = true
			j.drop(s)
		}
	}
}
