// Package watch makes findings of sessions while a rig runs, and keeps them.
//
// A [Watcher] is one goroutine, so that no connection ever waits for a finding. It reads
// the sessions that have ended from a [Log], adds each to the case of its client
// (clients.go), has package diagnose look at the cases that have changed (judge.go), and
// writes what is new into a [Book]. Who wants findings reads the book, or gets them by
// Config.OnFinding. Which findings there are is a value, Config.Table; whether one may be
// told of an open session, its row says.
//
// Sessions are looked at once they end. Under load the watcher takes samples, three times
// a second: the last sessions of each turn, and only for what is wrong with them. Open
// sessions are looked at once a second, as long as there are few.
//
// A finding is reported once. It is the same as one before if both are about the same
// client, have the same id and share a session. One that grows (connected again too fast,
// and again) is brought up to date in silence, and reported again when it has grown at
// least ten seconds after the last time.
package watch

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/suggest"
)

const (
	batchPause = 25 * time.Millisecond  // between two turns, for what comes together
	loadPause  = 300 * time.Millisecond // ... under load
	longPause  = 2 * time.Second        // ... at most
	loadRate   = 600                    // more sessions in a second are a load
	sampleSize = 16                     // the sessions of a turn that are looked at
	openPause  = time.Second            // between two looks at open sessions
	openMost   = 64                     // more are too many to be looked at
	patience   = 11 * time.Second       // longest that a row of the table waits for more sessions
	againAfter = 10 * time.Second       // between two reports of a finding that grows
	settleTime = 300 * time.Millisecond // how long an answer waits for the last findings
	retryPause = time.Second            // after an error of the book
	stopTime   = 2 * time.Second        // how long the book may take for the last findings
)

// Log is what the watcher must know of the log of sessions.
type Log interface {
	// Since returns the sessions that ended after the first n ever, the number to ask
	// with next time, and a channel that is closed when another one ends.
	Since(n uint64) (ended []*event.Record, next uint64, more <-chan struct{})
	// Open returns the open sessions, oldest first; none when there are more than most.
	Open(most int) []*event.Record
	// Get returns a session, open or not, by its id.
	Get(id string) (*event.Record, bool)
	// Records returns all that are kept, open ones included.
	Records() []*event.Record
}

// Config of a watcher.
type Config struct {
	Log       Log
	Book      Book            // nil: NewMemory
	Table     *diagnose.Table // nil: the product's
	OnFinding func(Finding)   // called with each report, none that is Good, by one goroutine; may be nil
	Logger    *slog.Logger    // nil is silent
}

// Watcher makes the findings of a rig.
type Watcher struct {
	cfg  Config
	rows map[string]*diagnose.Row // by id

	ctx    context.Context // for the book; ends some time after Stop
	cancel context.CancelFunc
	quiet  chan string // open sessions to look at now
	hurry  chan struct{}
	stop   chan struct{}
	done   chan struct{}
	once   sync.Once

	mu      sync.Mutex
	started bool
	seen    uint64 // so many of the sessions that ever ended have been looked at
	noticed chan struct{}

	// Only the goroutine's:
	loaded     bool
	turned     time.Time // last
	next       uint64
	generation uint64
	clients    map[string]*client
}

// New returns a watcher that does nothing until Start.
func New(cfg Config) *Watcher {
	if cfg.Book == nil {
		cfg.Book = NewMemory()
	}
	if cfg.Table == nil {
		cfg.Table = diagnose.Product()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	w := &Watcher{
		cfg: cfg, rows: map[string]*diagnose.Row{},
		quiet: make(chan string, 64), hurry: make(chan struct{}, 1),
		stop: make(chan struct{}), done: make(chan struct{}), noticed: make(chan struct{}),
		clients: map[string]*client{},
	}
	for i := range cfg.Table.Rows {
		w.rows[cfg.Table.Rows[i].ID] = &cfg.Table.Rows[i]
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// Start begins to watch.
func (w *Watcher) Start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.started = true
	go w.run()
}

func (w *Watcher) running() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.started
}

// Stop looks at the sessions that have ended, reports the last findings and ends the
// watching. A book that hangs then gets two seconds.
func (w *Watcher) Stop() {
	if !w.running() {
		return
	}
	w.once.Do(func() { close(w.stop) })
	hung := time.AfterFunc(stopTime, w.cancel)
	<-w.done
	hung.Stop()
	w.cancel()
}

// Look has an open session looked at soon. It never waits.
func (w *Watcher) Look(id string) {
	select {
	case w.quiet <- id:
	default: // so many are silent that the next look at open sessions must do
	}
}

// Check returns an error for the first id that no row has.
func (w *Watcher) Check(ids ...string) error { return Check(w.cfg.Table.Rows, ids...) }

// Check returns an error for the first id that none of these rows has.
func Check(rows []diagnose.Row, ids ...string) error {
	var known []string
	byID := map[string]bool{}
	for _, r := range rows {
		known = append(known, r.ID)
		byID[r.ID] = true
	}
	for _, id := range ids {
		if byID[id] {
			continue
		}
		hint := "docs/findings.md lists them"
		if near := suggest.Nearest(id, known); near != "" {
			hint = "did you mean " + near + "?"
		}
		return fmt.Errorf("no finding has the id %q; %s", id, hint)
	}
	return nil
}

// Since returns the findings of the book as Book.Since does.
func (w *Watcher) Since(ctx context.Context, n uint64) (found []Finding, last uint64, more <-chan struct{}, err error) {
	found, last, more, err = w.cfg.Book.Since(ctx, n)
	if err != nil {
		err = fmt.Errorf("read the findings: %w", err)
	}
	return found, last, more, err
}

// Reset forgets all findings. The log must have been emptied before: what it still has is
// looked at once more, so that no session is missed that ends meanwhile.
func (w *Watcher) Reset(ctx context.Context) error {
	if err := w.cfg.Book.Empty(ctx); err != nil {
		return fmt.Errorf("forget the findings: %w", err)
	}
	return nil
}

// Settle waits, a short time at most, until all sessions that have ended have been looked
// at, so that an answer about them has their findings.
func (w *Watcher) Settle(ctx context.Context) {
	if !w.running() {
		return
	}
	_, ended, _ := w.cfg.Log.Since(math.MaxUint64)
	timer := time.NewTimer(settleTime)
	defer timer.Stop()
	for {
		w.mu.Lock()
		seen, noticed := w.seen, w.noticed
		w.mu.Unlock()
		if seen >= ended {
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

func (w *Watcher) run() {
	defer close(w.done)
	tick := time.NewTicker(openPause)
	defer tick.Stop()
	for {
		began := time.Now()
		more := w.turn(nil, false)
		if !w.pause(time.Since(began)) {
			break
		}
		var quiet []string
		open := false
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
		}
		if open || quiet != nil {
			w.turn(quiet, open)
		}
	}
	w.turn(nil, false) // what ended last
}

// pause lets what comes together become one turn. Where turns take long, because there
// are many clients, they are fewer. It reports whether to go on.
func (w *Watcher) pause(took time.Duration) bool {
	least := batchPause
	if w.loaded {
		least = loadPause
	}
	timer := time.NewTimer(min(max(least, 20*took), longPause))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.hurry:
		return true
	case <-w.stop:
		return false
	}
}

// turn looks at what has changed. It returns a channel that is closed when there is more
// to look at.
func (w *Watcher) turn(quiet []string, open bool) (more <-chan struct{}) {
	// The generation comes first: of what is read after it, nothing is older.
	generation, err := w.cfg.Book.Generation(w.ctx)
	if err != nil {
		w.cfg.Logger.Error("the book of findings can't be read", "error", err)
		return w.later()
	}
	if generation != w.generation {
		w.generation, w.next = generation, 0
		clear(w.clients)
	}
	ended, next, more := w.cfg.Log.Since(w.next)
	w.next = next
	at := time.Now()
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
		for _, when := range []*time.Time{&c.due, &c.retry} {
			if !when.IsZero() && !at.Before(*when) {
				*when = time.Time{}
				changed[key] = true
			}
		}
	}
	if open || quiet != nil || len(changed) > 0 {
		w.addOpen(quiet, changed, at)
	}
	if changed[""] {
		w.strangers(changed, at)
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

// later returns a channel that is closed when it is time to try again.
func (w *Watcher) later() <-chan struct{} {
	again := make(chan struct{})
	time.AfterFunc(retryPause, func() { close(again) })
	return again
}
