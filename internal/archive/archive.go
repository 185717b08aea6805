// Package archive keeps ended sessions as records (package state), so that they outlive the process.
//
// An [Archive] follows a journal. Once a second it writes the sessions that have ended, and removes those that the journal
// has forgotten. So connections never wait for it, and what it keeps has the journal's bounds. It writes at most 100
// sessions a second, the latest ones; the others follow when there is time, and at Close. A crash loses those that haven't
// been written, usually those of the last second.
//
// At the start, the sessions are read beside everything else, and given to the journal ([event.Ring.Restore]).
package archive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/state"
)

const (
	every     = time.Second
	most      = 100  // sessions that are written at a time
	together  = 20   // sessions in one change, so that mail needn't wait long for it
	block     = 1000 // ids that are taken at a time
	kind      = "session"
	idNumbers = "sessions"
)

// Config configures an Archive.
type Config struct {
	State state.Store
	Keep  int // sessions that the journal keeps
	Log   *slog.Logger
}

// Archive keeps sessions. Close it.
type Archive struct {
	cfg    Config
	ids    *state.Numbers
	begin  uint64
	cancel context.CancelFunc
	ended  sync.WaitGroup

	mu      sync.Mutex // held while sessions are written or removed
	ring    *event.Ring
	written map[uint64]bool // by number
	failing bool
}

// Open returns the archive that records hold. It reads no session yet.
func Open(ctx context.Context, cfg Config) (*Archive, error) {
	ids, err := state.OpenNumbers(ctx, cfg.State, idNumbers, block, cfg.Log)
	if err != nil {
		return nil, fmt.Errorf("number the sessions: %w", err)
	}
	return &Archive{cfg: cfg, ids: ids, begin: ids.Peek() - 1, cancel: func() {}, written: map[uint64]bool{}}, nil
}

// Begin returns how many sessions have ended before, at most. Every one that is kept has a number up to this.
func (a *Archive) Begin() uint64 { return a.begin }

// NewID makes the id of a session. None is made twice.
func (a *Archive) NewID() string { return a.ids.Next() }

// Start gives the journal what is kept, and follows it from then on. The journal's options are Begin, NewID and Restored.
func (a *Archive) Start(ring *event.Ring) {
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel, a.ring = cancel, ring
	a.ended.Go(func() {
		a.restore(ctx)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				a.tell(a.write(ctx, most))
			}
		}
	})
}

// restore reads what is kept.
func (a *Archive) restore(ctx context.Context) {
	a.mu.Lock()
	defer a.mu.Unlock()
	past, err := a.read(ctx)
	if err != nil {
		a.cfg.Log.Error("read the sessions that were kept", "error", err)
	}
	a.ring.Restore(past)
}

func (a *Archive) read(ctx context.Context) (past []event.Past, err error) {
	for after := ""; ; {
		page, err := a.cfg.State.List(ctx, kind, after, 100)
		if err != nil || len(page) == 0 {
			return past, err
		}
		for _, r := range page {
			after = r.Key
			number, err := strconv.ParseUint(r.Key, 10, 64)
			if err != nil || number > a.begin {
				continue // another process has written it since
			}
			a.written[number] = true
			s, err := event.Decode(r.Data)
			if err != nil {
				a.cfg.Log.Error("a session that was kept can't be read", "error", err)
				continue
			}
			past = append(past, event.Past{Record: s, Number: number})
		}
		if len(past) > 2*a.cfg.Keep { // more were kept than now
			past = past[len(past)-a.cfg.Keep:]
		}
	}
}

// write writes sessions that have ended since, the latest first, at most so many, and removes those that are forgotten.
func (a *Archive) write(ctx context.Context, most int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	records, numbers := a.ring.Before(math.MaxUint64, math.MaxInt)
	still := make(map[uint64]bool, len(numbers))
	for _, n := range numbers {
		still[n] = true
	}
	var changes []state.Change
	for n := range a.written {
		if !still[n] {
			changes = append(changes, state.Remove(kind, key(n)))
		}
	}
	for i := len(records) - 1; i >= 0 && most > 0; i-- {
		if a.written[numbers[i]] {
			continue
		}
		data, err := event.Encode(records[i])
		if err != nil {
			return err
		}
		changes = append(changes, state.Put(kind, key(numbers[i]), data))
		most--
	}
	for len(changes) > 0 {
		some := changes[:min(together, len(changes))]
		if _, err := a.cfg.State.Apply(ctx, some...); err != nil {
			return err
		}
		for _, c := range some {
			n, _ := strconv.ParseUint(c.Key, 10, 64)
			if c.Remove {
				delete(a.written, n)
			} else {
				a.written[n] = true
			}
		}
		changes = changes[len(some):]
	}
	return nil
}

func key(number uint64) string { return fmt.Sprintf("%020d", number) }

// tell logs the beginning and the end of trouble.
func (a *Archive) tell(err error) {
	switch {
	case err == nil:
		a.failing = false
	case !a.failing && !errors.Is(err, context.Canceled):
		a.failing = true
		a.cfg.Log.Error("sessions can't be kept", "error", err)
	}
}

// Forget removes what is kept. Empty the journal first.
func (a *Archive) Forget(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := a.cfg.State.Apply(ctx, state.Clear(kind)); err != nil {
		return fmt.Errorf("forget the sessions: %w", err)
	}
	clear(a.written)
	return nil
}

// Close writes everything that hasn't been written.
func (a *Archive) Close(ctx context.Context) error {
	a.cancel()
	a.ended.Wait()
	var err error
	if a.ring != nil {
		err = a.write(ctx, math.MaxInt)
	}
	return errors.Join(err, a.ids.Close(ctx))
}
