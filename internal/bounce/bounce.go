// Package bounce reports to senders, some time after their mail was accepted, that it
// could not be delivered.
//
// A [Queue] holds the reports that are still to come and delivers each when its time is
// over; report.go writes them, as RFC 3464 has it. The server fills the queue where a
// scenario wants a bounce. The queue is bounded, and what is in it ends with the process.
package bounce

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"time"
)

// Bounds of a queue.
const (
	maxPending = 1000
	maxHeader  = 64 << 10 // bytes of the original's header that a report returns
)

// Message is what a report is about.
type Message struct {
	From    string // reverse-path, who gets the report
	To      string // recipient who could not be reached
	Raw     []byte // the message; only its header is kept
	Arrived time.Time
}

// Failure says why the message could not be delivered.
type Failure struct {
	Status string // enhanced status code, such as 5.1.1 (RFC 3463)
	Text   string // what the next server is said to have answered
}

// Config of a queue.
type Config struct {
	Host string // name of the server that reports
	// Deliver puts a report into the mailbox of an address.
	Deliver func(ctx context.Context, to string, raw []byte, at time.Time) error
	Logger  *slog.Logger // nil is silent
}

// Queue holds reports until their time has come. Its methods may be called by any
// goroutine.
type Queue struct {
	cfg    Config
	ctx    context.Context // of deliveries
	cancel context.CancelFunc

	mu      sync.Mutex
	stopped bool
	last    uint64 // number given
	pending map[uint64]*time.Timer
	running sync.WaitGroup
}

// New returns an empty queue.
func New(cfg Config) *Queue {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	q := &Queue{cfg: cfg, pending: map[uint64]*time.Timer{}}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	return q
}

// Later has a message reported as undeliverable when the time is over. It returns false
// where none will be: for a message from the null path, which never bounces, since a
// report about a report would be answered without end (RFC 5321 section 4.5.5); where too
// many reports are pending; and in a queue that has stopped.
func (q *Queue) Later(after time.Duration, m Message, f Failure) bool {
	if m.From == "" {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.stopped:
		return false
	case len(q.pending) >= maxPending:
		q.cfg.Logger.Warn("a bounce is left out: too many are pending", "max", maxPending, "to", m.To)
		return false
	}
	m.Raw = header(m.Raw)
	q.last++
	n := q.last
	q.pending[n] = time.AfterFunc(after, func() {
		if q.take(n) {
			defer q.running.Done()
			q.deliver(m, f)
		}
	})
	return true
}

// take reports whether a report is still wanted. Who takes it must call running.Done.
func (q *Queue) take(n uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, ok := q.pending[n]; !ok {
		return false // forgotten as its time came
	}
	delete(q.pending, n)
	q.running.Add(1)
	return true
}

func (q *Queue) deliver(m Message, f Failure) {
	now := time.Now()
	if err := q.cfg.Deliver(q.ctx, m.From, report(q.cfg.Host, m, f, now), now); err != nil {
		q.cfg.Logger.Error("deliver a bounce", "to", m.From, "error", err)
	}
}

// Forget drops the reports that are still to come.
func (q *Queue) Forget() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range q.pending {
		t.Stop()
	}
	clear(q.pending)
}

// Stop drops the reports that are still to come, ends the deliveries and waits for them.
func (q *Queue) Stop() {
	q.mu.Lock()
	q.stopped = true
	q.mu.Unlock()
	q.Forget()
	q.cancel()
	q.running.Wait()
}

// header returns a copy of a message's header, the first so many bytes: a queue
// must not keep a large message alive.
func header(raw []byte) []byte {
	end := len(raw)
	for _, blank := range []string{"\r\n\r\n", "\n\n"} {
		if i := bytes.Index(raw, []byte(blank)); i >= 0 {
			end = min(end, i+len(blank)/2)
		}
	}
	if end > maxHeader {
		end = maxHeader
		if i := bytes.LastIndexByte(raw[:end], '\n'); i >= 0 {
			end = i + 1
		}
	}
	return bytes.Clone(raw[:end])
}
