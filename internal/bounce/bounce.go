// Package bounce tells senders, some time after the server accepted their mail, that the mail could not be delivered.
//
// A [Queue] holds the reports that are due later, and messages that a scenario delivers later, as records (package state).
// It delivers each one when its time comes. report.go writes reports in the form of RFC 3464, record.go the records. The
// server adds a report when a scenario wants a message to bounce. The queue holds at most 1,000 of both. Records that are
// kept outlive the process, and of several processes that share them, one delivers each.
//
// What is due is delivered first and then removed. If the process ends between the two, it is delivered once more.
package bounce

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/state"
)

// Limits of a queue.
const (
	maxPending = 1000
	maxHeld    = 64 << 20 // bytes of what is pending
	maxHeader  = 64 << 10 // bytes of the original's header that a report returns
)

// Times of deliveries.
const (
	lease   = time.Minute // a delivery may take so long; one that failed is tried again then
	giveUp  = time.Hour   // after so long, what can't be delivered is left out
	pause   = 5 * time.Second
	patient = 24 * time.Hour // when to look again while nothing is pending
)

// Message is the message that a report is about.
type Message struct {
	From    string // reverse-path: who gets the report
	To      string // the recipient who could not be reached
	Raw     []byte `json:"-"` // the message; only its header is kept
	Arrived time.Time
}

// Failure says why the message could not be delivered.
type Failure struct {
	Status string // enhanced status code, such as 5.1.1 (RFC 3463)
	Text   string // what the next server is said to have answered
}

// Held is a message that is delivered later.
type Held struct {
	To         string // who gets it
	Copies     int    // how often
	From       string // the envelope that it came with
	Recipients []string
	Session    string // that brought it
	User       string
	Raw        []byte `json:"-"`
}

// Config configures a queue.
type Config struct {
	Host string // name of the server that reports
	// Deliver puts a report into the mailbox of the address to.
	Deliver func(ctx context.Context, to string, raw []byte, at time.Time) error
	// Arrive puts a message that was held into the mailbox of whom it is for, as often as it says.
	Arrive func(ctx context.Context, m Held) error
	// State keeps what is pending. nil keeps it in memory, where it is lost when the queue stops.
	State  state.Store
	Logger *slog.Logger // nil is silent
}

// Queue holds reports until their time comes. Any goroutine may call its methods.
type Queue struct {
	cfg     Config
	ctx     context.Context // of deliveries
	cancel  context.CancelFunc
	outlive bool // what is pending outlives the queue

	mu      sync.Mutex
	started bool
	stopped bool
	running sync.WaitGroup
}

// New returns a queue. It does nothing before Start, or before something is due later.
func New(cfg Config) *Queue {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	q := &Queue{cfg: cfg, outlive: cfg.State != nil}
	if cfg.State == nil {
		q.cfg.State = state.NewMemory(nil)
	}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	return q
}

// Start begins to deliver what has been pending.
func (q *Queue) Start() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.started || q.stopped {
		return
	}
	q.started = true
	w, err := q.cfg.State.Watch(q.ctx, kind)
	if err != nil {
		q.cfg.Logger.Error("watch what is to be delivered later", "error", err)
		w = nil
	}
	q.running.Go(func() { q.run(w) })
}

// Later schedules a report that m could not be delivered. It returns false if there will be no report: if m has the
// null reverse-path, because a report about a report would be answered without end (RFC 5321 section 4.5.5); if 1,000
// reports are pending; if it can't be kept; or if the queue has stopped and remembers nothing.
func (q *Queue) Later(after time.Duration, m Message, f Failure) bool {
	if m.From == "" {
		return false
	}
	raw := header(m.Raw)
	m.Raw = nil
	return q.schedule(after, record{Report: &report{m, f}}, raw)
}

// Hold delivers a message when the time has come. It returns false if it won't: if 1,000 messages and reports or 64 MiB
// of them are pending, if it can't be kept, or if the queue has stopped and remembers nothing.
func (q *Queue) Hold(after time.Duration, m Held) bool {
	raw := m.Raw
	m.Raw = nil
	return q.schedule(after, record{Held: &m}, raw)
}

func (q *Queue) schedule(after time.Duration, r record, raw []byte) bool {
	q.mu.Lock()
	lost := q.stopped && !q.outlive
	q.mu.Unlock()
	if lost {
		return false
	}
	q.Start()
	ctx := context.WithoutCancel(q.ctx)
	pending, held, err := q.cfg.State.Count(ctx, kind)
	if err == nil && (pending >= maxPending || held+int64(len(raw)) > maxHeld) {
		q.cfg.Logger.Warn("a bounce or a late delivery is left out: too many are pending", "max", maxPending)
		return false
	}
	if err == nil {
		err = r.add(ctx, q.cfg.State, time.Now().Add(after), raw)
	}
	if err != nil {
		q.cfg.Logger.Error("a bounce or a late delivery can't be kept", "error", err)
	}
	return err == nil
}

// run delivers what is due until the queue stops.
func (q *Queue) run(w state.Watch) {
	var news <-chan struct{}
	if w != nil {
		defer w.Close()
		news = w.Changed()
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-q.ctx.Done():
			return
		case <-news:
		case <-timer.C:
		}
		timer.Reset(q.turn())
	}
}

// turn delivers what is due, and returns how long nothing else will be.
func (q *Queue) turn() time.Duration {
	for q.ctx.Err() == nil {
		due, wait, err := q.cfg.State.Claim(q.ctx, kind, 1, lease) // one at a time: it may be large
		switch {
		case err != nil:
			q.cfg.Logger.Error("find what is to be delivered", "error", err)
			return pause
		case len(due) == 0 && wait < 0:
			return patient
		case len(due) == 0:
			return wait
		}
		q.deliver(due[0])
	}
	return patient
}

// deliver delivers a record and removes it. If that fails, it stays and is claimed again.
func (q *Queue) deliver(due state.Record) {
	ctx, cancel := context.WithTimeout(q.ctx, lease)
	defer cancel()
	r, raw, err := decode(due.Data)
	switch {
	case err != nil:
		q.cfg.Logger.Error("a bounce or a late delivery can't be read, and is left out", "error", err)
	case r.Report != nil:
		now := time.Now()
		m, f := r.Report.Message, r.Report.Failure
		m.Raw = raw
		err = q.cfg.Deliver(ctx, m.From, write(q.cfg.Host, m, f, now), now)
	default:
		m := *r.Held
		m.Raw = raw
		err = q.cfg.Arrive(ctx, m)
	}
	if err != nil && (r.Report != nil || r.Held != nil) {
		again := q.ctx.Err() == nil && time.Since(due.Due) < giveUp
		q.cfg.Logger.Error("deliver a bounce, or a message that was to arrive later", "error", err, "again", again)
		if again || q.ctx.Err() != nil {
			return
		}
	}
	if _, err := q.cfg.State.Apply(context.WithoutCancel(q.ctx), state.Done(due)); err != nil && !errors.Is(err, state.ErrConflict) {
		q.cfg.Logger.Error("a bounce or a late delivery may come again", "error", err)
	}
}

// Forget drops all that is pending.
func (q *Queue) Forget() error {
	_, err := q.cfg.State.Apply(context.WithoutCancel(q.ctx), state.Clear(kind))
	return err
}

// Stop cancels the deliveries under way and waits for them. What is pending in memory is lost.
func (q *Queue) Stop() {
	q.mu.Lock()
	q.stopped = true
	q.mu.Unlock()
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
