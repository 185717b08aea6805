// Package watch makes findings from sessions while a rig runs, and keeps them. The server starts a Watcher and asks it
// for the API, the console and mailtest.
//
// A [Watcher] is one goroutine, so that no connection ever waits for a finding. It reads ended sessions from a [Log],
// adds each to the case of its client (clients.go), lets package diagnose read the cases that have changed (judge.go),
// and writes new findings into a [Book]. Code that wants findings reads the book, or sets Config.OnFinding.
// Config.Table decides which findings there are, and its rows decide which of them may be told while a session is open.
//
// The watcher examines a session once it has ended. Under load it takes samples three times a second: the last sessions
// of each turn, and only for faults. It examines open sessions once a second, as long as there are at most 64.
//
// A finding is reported once. Two findings are the same if they are about the same client, have the same id and share a
// session. A finding that grows (the client reconnects too fast, again and again) is updated silently. It is reported
// again when it grows at least ten seconds after the last report.
//
// To keep findings elsewhere, implement Book. A new finding is a row in package diagnose.
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
	batchPause = 25 * time.Millisecond  // between two turns, so that sessions that end together share one
	loadPause  = 300 * time.Millisecond // between two turns under load
	longPause  = 2 * time.Second        // between two turns, at most
	loadRate   = 600                    // sessions per second above which the watcher takes samples
	sampleSize = 16                     // sessions of a turn that are examined under load
	openPause  = time.Second            // between two checks of open sessions
	openAgain  = 6 * time.Second        // until an open session is examined again in which nothing happens: a row may wait for that
	openMost   = 64                     // with more open sessions than this, none is examined
	patience   = 11 * time.Second       // the longest time that a row of the table waits for more sessions
	againAfter = 10 * time.Second       // between two reports of a finding that grows
	settleTime = 300 * time.Millisecond // how long an answer waits for the latest findings
	retryPause = time.Second            // after an error of the book
	stopTime   = 2 * time.Second        // how long the book may take for the last findings
)

// Log is what the watcher needs to know about the sessions. event.Journal implements it.
type Log interface {
	// Since returns the sessions that ended after the first n, counted since the log began. It also returns the n for
	// the next call, and a channel that is closed when another session ends.
	Since(n uint64) (ended []*event.Record, next uint64, more <-chan struct{})
	// Open returns the open sessions, oldest first. It returns none if there are more than most.
	Open(most int) []*event.Record
	// Get returns the session with this id, open or not.
	Get(id string) (*event.Record, bool)
}

// Config configures a watcher.
type Config struct {
	Log       Log
	Book      Book            // nil: a new Memory
	Table     *diagnose.Table // nil: mailrig's own
	OnFinding func(Finding)   // called with each report except those of severity Good, by one goroutine; may be nil
	Logger    *slog.Logger    // nil is silent
	Memory    int64           // bytes that the sessions which findings look at may take, of all clients; 0: no bound
	// After is how many sessions ended before: these aren't examined, and Conclude leaves them and their findings out.
	After uint64
	// Minor, if not nil, reports whether a client only had a look, as in event.Options.
	Minor func(*event.Record) bool
}

// Watcher makes the findings of a rig.
type Watcher struct {
	cfg  Config
	rows map[string]*diagnose.Row // by id
	told uint64                   // number of the last finding of before

	ctx    context.Context // passed to the book; ends some time after Stop
	cancel context.CancelFunc
	quiet  chan string // ids of open sessions to examine now
	hurry  chan struct{}
	stop   chan struct{}
	done   chan struct{}
	once   sync.Once

	mu      sync.Mutex
	started bool
	seen    uint64 // how many of the sessions that ever ended have been examined
	noticed chan struct{}

	// Only the watcher's goroutine uses these:
	loaded     bool
	turned     time.Time // when the latest turn was
	next       uint64
	generation uint64
	clients    map[string]*client
}

// New returns a watcher. It does nothing until Start.
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
	if cfg.Minor == nil {
		cfg.Minor = func(*event.Record) bool { return false }
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
	w.next, w.seen = cfg.After, cfg.After
	if cfg.After > 0 {
		_, w.told, _, _ = cfg.Book.Since(w.ctx, math.MaxUint64) // otherwise Conclude says more than it must
	}
	return w
}

// Start starts the watcher.
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

// Stop examines the sessions that have ended, reports the last findings and stops the watcher. If the book hangs, Stop
// waits two seconds for it.
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

// Look asks the watcher to examine an open session soon. It never blocks.
func (w *Watcher) Look(id string) {
	select {
	case w.quiet <- id:
	default: // the queue is full; the next check of open sessions must do
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

// Since returns the findings in the book, like Book.Since.
func (w *Watcher) Since(ctx context.Context, n uint64) (found []Finding, last uint64, more <-chan struct{}, err error) {
	found, last, more, err = w.cfg.Book.Since(ctx, n)
	if err != nil {
		err = fmt.Errorf("read the findings: %w", err)
	}
	return found, last, more, err
}

// Reset forgets all findings. Empty the log first: the watcher examines once more whatever the log still holds, so that
// it doesn't miss a session that ends meanwhile.
func (w *Watcher) Reset(ctx context.Context) error {
	if err := w.cfg.Book.Empty(ctx); err != nil {
		return fmt.Errorf("forget the findings: %w", err)
	}
	return nil
}

// Settle waits until all ended sessions have been examined, 300 ms at most. An answer about them then includes their
// findings.
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
	w.turn(nil, false) // the sessions that ended last
}

// pause lets sessions that end together share one turn. If turns take long because there are many clients, pauses are
// longer. It reports whether to go on.
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

// turn examines what has changed. It returns a channel that is closed when there is more to examine.
func (w *Watcher) turn(quiet []string, open bool) (more <-chan struct{}) {
	// Read the generation first: everything read after it belongs to it or to a later one.
	generation, err := w.cfg.Book.Generation(w.ctx)
	if err != nil {
		w.cfg.Logger.Error("the book of findings can't be read", "error", err)
		return w.later()
	}
	if generation != w.generation {
		w.generation, w.next = generation, w.cfg.After
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
		for _, when := range []*time.Time{&c.due, &c.quiet, &c.retry} {
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
