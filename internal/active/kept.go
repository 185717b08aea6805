package active

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/state"
	"github.com/mailrig/mailrig/scenarios"
)

// Kept implements Scenarios with records that outlive the process, and that other processes may share. Plans are compiled
// in memory, so that Plan and Own cost what they cost there. What another process switches is followed. Close it.
type Kept struct {
	*Memory
	cfg   KeptConfig
	watch state.Watch
	next  state.Watch
	done  context.CancelFunc
	ended sync.WaitGroup

	turn turn                             // of whoever changes the records, or follows them
	seen map[string]map[string]seenRecord // by kind and key
}

// KeptConfig configures a Kept.
type KeptConfig struct {
	State state.Store
	Log   *slog.Logger
	Seed  uint64 // see NewMemory
	// Find returns the scenario of the catalogue with this name, Parse the one that is written in a text. A scenario that
	// they don't know any more is left out: see Lost.
	Find  func(name string) (*scenarios.Scenario, error)
	Parse func(file string, text []byte) (*scenarios.Scenario, error)
	// Counting has the counters of all who share the records. If it is nil, each process counts for itself.
	Counting Counting
	// OnSwitch is called when what is active for everybody was switched by somebody else. It may be nil.
	OnSwitch func()
}

// Counting makes counters that several processes have in common. Each activation, a run, has counters of its own, which
// begin at zero.
type Counting interface {
	// Counters returns the counters of a run, which hold about this many keys and moments.
	Counters(run string, most int) fault.Counters
	// Keep removes what other runs have counted than those that are active, some time after they ended.
	Keep(ctx context.Context, active []string) error
}

// keepEvery is how often what ended runs have counted is looked for.
const keepEvery = time.Hour

// The kinds of records. A key is "everybody", or "user:" and an address in lower case.
const (
	kindActive = "active"
	kindNext   = "next"
)

const everybody = "everybody"

func keyOf(user string) string {
	if user == "" {
		return everybody
	}
	return "user:" + strings.ToLower(user)
}

func userOf(key string) string {
	return strings.TrimPrefix(strings.TrimPrefix(key, everybody), "user:")
}

// seenRecord is a record as this process has compiled it.
type seenRecord struct {
	version state.Version
	run     string
	list    []*scenarios.Scenario
	left    int
	lost    error // what of it can't be active
}

// turn is a lock that one need not wait for without end.
type turn chan struct{}

func (t turn) take() { t <- struct{}{} }
func (t turn) pass() { <-t }

func (t turn) await(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// NewKept returns what the records say is active, and follows them from then on.
func NewKept(ctx context.Context, cfg KeptConfig) (*Kept, error) {
	k := &Kept{Memory: NewMemory(cfg.Log, cfg.Seed), cfg: cfg, turn: make(turn, 1), seen: map[string]map[string]seenRecord{kindActive: {}, kindNext: {}}}
	if cfg.Counting != nil {
		k.Memory.counters = cfg.Counting.Counters
	}
	var err error
	if k.watch, err = cfg.State.Watch(ctx, kindActive); err != nil {
		return nil, err
	}
	if k.next, err = cfg.State.Watch(ctx, kindNext); err != nil {
		k.watch.Close()
		return nil, err
	}
	if _, err := k.read(ctx); err != nil {
		k.watch.Close()
		k.next.Close()
		return nil, fmt.Errorf("read which scenarios are active: %w", err)
	}
	ctx, k.done = context.WithCancel(context.WithoutCancel(ctx))
	k.ended.Go(func() { k.follow(ctx) })
	if cfg.Counting != nil {
		k.ended.Go(func() { k.keepCounts(ctx) })
	}
	return k, nil
}

// Close ends the following.
func (k *Kept) Close() {
	k.done()
	k.ended.Wait()
	k.watch.Close()
	k.next.Close()
}

// Lost says which scenarios were active and can't be any more, because nobody knows them now.
func (k *Kept) Lost() (errs []error) {
	k.turn.take()
	defer k.turn.pass()
	for _, records := range k.seen {
		for key, r := range records {
			if r.lost != nil {
				errs = append(errs, fmt.Errorf("kept as active for %s: %w", strings.TrimPrefix(key, "user:"), r.lost))
			}
		}
	}
	return errs
}

// Use implements Scenarios.
func (k *Kept) Use(ctx context.Context, list []*scenarios.Scenario) error {
	return k.use(ctx, "", list)
}

// UseFor implements Scenarios.
func (k *Kept) UseFor(ctx context.Context, user string, list []*scenarios.Scenario) error {
	return k.use(ctx, user, list)
}

// UseHere is Use for this process alone, for a start while the records can't be written: they say something else.
func (k *Kept) UseHere(ctx context.Context, list []*scenarios.Scenario) error {
	return k.Memory.Use(ctx, list)
}

func (k *Kept) use(ctx context.Context, user string, list []*scenarios.Scenario) error {
	k.turn.take()
	defer k.turn.pass()
	key := keyOf(user)
	if err := k.roomFor(kindActive, key, list); err != nil {
		return err
	}
	return k.write(ctx, map[string]seenRecord{kindActive: {list: list}, kindNext: {}}, key)
}

// roomFor returns an error if too many users would have scenarios.
func (k *Kept) roomFor(kind, key string, list []*scenarios.Scenario) error {
	if _, has := k.seen[kind][key]; !has && len(list) > 0 && len(k.seen[kind]) > maxUsers {
		return fmt.Errorf("%d users have scenarios of their own already; switch some of them off first", maxUsers)
	}
	return nil
}

// write writes records with this key, one for each kind, and makes them active. One without scenarios is removed. The
// caller holds turn.
func (k *Kept) write(ctx context.Context, want map[string]seenRecord, key string) error {
	var changes []state.Change
	for kind, w := range want {
		if len(w.list) == 0 {
			changes = append(changes, state.Remove(kind, key))
			continue
		}
		w.run = newRun()
		want[kind] = w
		data, err := encode(w)
		if err != nil {
			return err
		}
		changes = append(changes, state.Put(kind, key, data))
	}
	version, err := k.cfg.State.Apply(ctx, changes...)
	if err != nil {
		return fmt.Errorf("keep which scenarios are active: %w", err)
	}
	for kind, w := range want {
		if w.version = version; len(w.list) == 0 {
			w.version = 0
		}
		before := k.seen[kind][key]
		delete(k.seen[kind], key) // a switch to the same scenarios begins anew
		if before.version == 0 && w.version == 0 && key != everybody {
			continue
		}
		if err := k.set(kind, key, w); err != nil {
			return err
		}
	}
	return nil
}

// Restart implements Scenarios. Whoever shares the records restarts the counters too.
func (k *Kept) Restart(ctx context.Context) error {
	k.turn.take()
	defer k.turn.pass()
	changes, again := []state.Change{state.Clear(kindNext)}, map[string]seenRecord{}
	for key, now := range k.seen[kindActive] {
		now.run = newRun()
		data, err := encode(now)
		if err != nil {
			return err
		}
		changes, again[key] = append(changes, state.Put(kindActive, key, data)), now
	}
	for some := range slices.Chunk(changes, state.MaxChanges) {
		version, err := k.cfg.State.Apply(ctx, some...)
		if err != nil {
			return fmt.Errorf("restart the counters of the active scenarios: %w", err)
		}
		for _, c := range some {
			if now, ok := again[c.Key]; ok {
				now.version = version
				again[c.Key] = now
			}
		}
	}
	for key, now := range again {
		if err := k.set(kindActive, key, now); err != nil {
			return err
		}
	}
	for key := range k.seen[kindNext] {
		if err := k.set(kindNext, key, seenRecord{}); err != nil {
			return err
		}
	}
	return nil
}

// RestartFor implements Scenarios.
func (k *Kept) RestartFor(ctx context.Context, user string) error {
	k.turn.take()
	defer k.turn.pass()
	key := keyOf(user)
	now := k.seen[kindActive][key]
	return k.write(ctx, map[string]seenRecord{kindActive: {list: now.list}, kindNext: {}}, key)
}
