// Package bounce tells senders, some time after the server accepted their mail, that the mail could not be delivered.
//
// A [Queue] holds the reports that are due later, and messages that a scenario delivers later, and delivers each one when
// its time comes. report.go writes them in
// the form of RFC 3464. The server adds a report when a scenario wants a message to bounce. The queue holds at most
// 1,000 reports. They are lost when the process ends.
package bounce

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"time"
)

// Limits of a queue.
const (
	maxPending = 1000
	maxHeld    = 64 << 20 // bytes of messages that are delivered later
	maxHeader  = 64 << 10 // bytes of the original's header that a report returns
)

// Message is the message that a report is about.
type Message struct {
	From    string // reverse-path: who gets the report
	To      string // the recipient who could not be reached
	Raw     []byte // the message; only its header is kept
	Arrived time.Time
}

// Failure says why the message could not be delivered.
type Failure struct {
	Status string // enhanced status code, such as 5.1.1 (RFC 3463)
	Text   string // what the next server is said to have answered
}

// Config configures a queue.
type Config struct {
	Host string // name of the server that reports
	// Deliver puts a report into the mailbox of the address to.
	Deliver func(ctx context.Context, to string, raw []byte, at time.Time) error
	Logger  *slog.Logger // nil is silent
}

// Queue holds reports until their time comes. Any goroutine may call its methods.
type Queue struct {
	cfg    Config
	ctx    context.Context // of deliveries
	cancel context.CancelFunc

	mu      sync.Mutex
	stopped bool
	last    uint64 // number of the latest report
	pending map[uint64]waiting
	held    int64 // bytes of those that are pending
	running sync.WaitGroup
}

// New returns an empty queue.
func New(cfg Config) *Queue {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	q := &Queue{cfg: cfg, pending: map[uint64]waiting{}}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	return q
}

// Later schedules a report that m could not be delivered. It returns false if there will be no report: if m has the
// null reverse-path, because a report about a report would be answered without end (RFC 5321 section 4.5.5); if 1,000
// reports are pending; or if the queue has stopped.
func (q *Queue) Later(after time.Duration, m Message, f Failure) bool {
	if m.From == "" {
		return false
	}
	m.Raw = header(m.Raw)
	if q.schedule(after, 0, func(context.Context) { q.deliver(m, f) }) {
		return true
	}
	q.cfg.Logger.Warn("a bounce is left out: too many are pending", "max", maxPending, "to", m.To)
	return false
}

// Hold calls deliver for a message of so many bytes when the time has come. It returns false if it won't: if 1,000
// messages and reports or 64 MiB of messages are pending, or if the queue has stopped.
func (q *Queue) Hold(after time.Duration, bytes int64, deliver func(context.Context)) bool {
	return q.schedule(after, bytes, deliver)
}

// waiting is something whose time hasn't come.
type waiting struct {
	timer *time.Timer
	bytes int64
}

func (q *Queue) schedule(after time.Duration, bytes int64, do func(context.Context)) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped || len(q.pending) >= maxPending || q.held+bytes > maxHeld {
		return false
	}
	q.last++
	n := q.last
	q.held += bytes
	q.pending[n] = waiting{time.AfterFunc(after, func() {
		if q.take(n) {
			defer q.running.Done()
			do(q.ctx)
		}
	}), bytes}
	return true
}

// take reports whether a report is still wanted. If it is, the caller must call running.Done.
func (q *Queue) take(n uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	w, ok := q.pending[n]
	if !ok {
		return false // dropped just as its time came
	}
	q.held -= w.bytes
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

// Forget drops all pending reports.
func (q *Queue) Forget() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, w := range q.pending {
		w.timer.Stop()
	}
	clear(q.pending)
	q.held = 0
}

// Stop drops all pending reports, cancels the deliveries under way and waits for them.
func (q *Queue) Stop() {
	q.mu.Lock()
	q.stopped = true
	q.mu.Unlock()
	q.Forget()
	q.cancel()
	q.running.Wait()
}

// header returns a copy of a message's header, at most 64 KiB of it. The queue must not keep a large message alive.
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
