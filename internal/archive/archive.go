// Package archive keeps ended sessions as records (package state), so that they outlive the process.
//
// An [Archive] follows a journal. Once a second it writes the sessions that have ended, and removes those that the journal
// has forgotten. So connections never wait for it, and what it keeps has the journal's bounds. It writes at most 100
// sessions at a time, the latest ones; the others follow when there is time, and at Close. If that takes more than a thirtieth
// of the time, it writes less often. A crash loses the sessions that haven't been written, usually those of the last second.
//
// Several processes may share the records. Each shows what the others had written when it began.
//
// At the start, the sessions are read beside everything else, and given to the journal ([event.Ring.Restore]).
package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/state"
)

const (
	every     = time.Second
	seldom    = 10 * time.Second
	share     = 30   // writing takes one part in so many of the time, at most
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
	written map[string]bool // by key
	failing bool
}

// Open returns the archive that records hold. It reads no session yet, unless the records can't be written now.
func Open(ctx context.Context, cfg Config) (*Archive, error) {
	ids, err := state.OpenNumbers(ctx, cfg.State, idNumbers, block, cfg.Log)
	a := &Archive{cfg: cfg, ids: ids, cancel: func() {}, written: map[string]bool{}}
	if err == nil {
		a.begin = ids.Peek() - 1
		return a, nil
	}
	cfg.Log.Error("number the sessions", "error", err)
	a.begin = math.MaxUint64
	past, err := a.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the sessions that were kept: %w", err)
	}
	a.begin = 0
	for _, p := range past {
		a.begin = max(a.begin, p.Number)
	}
	return a, nil
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
		timer := time.NewTimer(every)
		defer timer.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			began := time.Now()
			a.tell(a.write(ctx, most))
			timer.Reset(min(max(every, share*time.Since(began)), seldom))
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
	a.ring.Restore(a.order(past))
}

func (a *Archive) read(ctx context.Context) (past []event.Past, err error) {
	for after := ""; ; {
		page, err := a.cfg.State.List(ctx, kind, after, 100)
		if err != nil || len(page) == 0 {
			return past, err
		}
		for _, r := range page {
			after = r.Key
			a.written[r.Key] = true
			p, err := decode(r.Data)
			if err != nil {
				a.cfg.Log.Error("a session that was kept can't be read", "error", err)
				continue
			}
			past = append(past, p)
		}
		if len(past) > 2*a.cfg.Keep { // more were kept than now
			past = a.order(past)
			past = slices.Delete(past, 0, len(past)-a.cfg.Keep)
		}
	}
}

// order sorts sessions as they ended. Those of other processes may have the same numbers, or larger ones than Begin.
func (a *Archive) order(past []event.Past) []event.Past {
	slices.SortStableFunc(past, func(x, y event.Past) int { return x.End.Compare(y.End) })
	last := uint64(0)
	for i := range past {
		last = min(max(last, past[i].Number), a.begin)
		past[i].Number = last
	}
	return past
}

// encode and decode write a session after its number.
func encode(s *event.Record, number uint64) ([]byte, error) {
	data, err := event.Encode(s)
	return append(strconv.AppendUint(nil, number, 10), append([]byte{'\n'}, data...)...), err
}

func decode(data []byte) (p event.Past, err error) {
	number, data, _ := bytes.Cut(data, []byte{'\n'})
	if p.Number, err = strconv.ParseUint(string(number), 10, 64); err == nil {
		p.Record, err = event.Decode(data)
	}
	return p, err
}

// write writes sessions that have ended since, the latest first, at most so many, and removes those that are forgotten.
func (a *Archive) write(ctx context.Context, most int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	records, numbers := a.ring.Before(math.MaxUint64, math.MaxInt)
	still := make(map[string]bool, len(records))
	for _, s := range records {
		still[key(s.ID)] = true
	}
	var changes []state.Change
	for key := range a.written {
		if !still[key] {
			changes = append(changes, state.Remove(kind, key))
		}
	}
	for i := len(records) - 1; i >= 0 && most > 0; i-- {
		key := key(records[i].ID)
		if a.written[key] {
			continue
		}
		data, err := encode(records[i], numbers[i])
		if err != nil {
			return err
		}
		changes = append(changes, state.Put(kind, key, data))
		most--
	}
	for len(changes) > 0 {
		some := changes[:min(together, len(changes))]
		if _, err := a.cfg.State.Apply(ctx, some...); err != nil {
			return err
		}
		for _, c := range some {
			if c.Remove {
				delete(a.written, c.Key)
			} else {
				a.written[c.Key] = true
			}
		}
		changes = changes[len(some):]
	}
	return nil
}

// key makes the keys of sessions ascend with their ids.
func key(id string) string { return fmt.Sprintf("%20s", id) }

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
