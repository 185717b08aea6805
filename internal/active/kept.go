package active

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

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

	turn sync.Mutex                       // held by whoever changes the records, or follows them
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
	// OnSwitch is called when what is active for everybody was switched by somebody else. It may be nil.
	OnSwitch func()
}

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
	list    []*scenarios.Scenario
	left    int
	lost    error // what of it can't be active
}

// NewKept returns what the records say is active, and follows them from then on.
func NewKept(ctx context.Context, cfg KeptConfig) (*Kept, error) {
	k := &Kept{Memory: NewMemory(cfg.Log, cfg.Seed), cfg: cfg, seen: map[string]map[string]seenRecord{kindActive: {}, kindNext: {}}}
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
	return k, nil
}

// Close ends the following.
func (k *Kept) Close() {
	k.done()
	k.ended.Wait()
	k.watch.Close()
	k.next.Close()
}

// follow takes over what others switch.
func (k *Kept) follow(ctx context.Context) {
	for {
		select {
		case <-k.watch.Changed():
		case <-k.next.Changed():
		case <-ctx.Done():
			return
		}
		switched, err := k.read(ctx)
		if err != nil && ctx.Err() == nil {
			k.cfg.Log.Error("can't find out which scenarios are active; those that were stay", "error", err)
		}
		if switched && k.cfg.OnSwitch != nil {
			k.cfg.OnSwitch()
		}
	}
}

// read takes over the records that this process hasn't written or read yet. switched reports whether everybody's changed.
func (k *Kept) read(ctx context.Context) (switched bool, err error) {
	k.turn.Lock()
	defer k.turn.Unlock()
	for _, kind := range []string{kindActive, kindNext} {
		now, err := k.all(ctx, kind)
		if err != nil {
			return switched, err
		}
		for key := range k.seen[kind] {
			if _, ok := now[key]; !ok {
				now[key] = state.Record{} // it is gone
			}
		}
		for key, r := range now {
			if r.Version == k.seen[kind][key].version {
				continue
			}
			if err := k.take(kind, key, r); err != nil {
				return switched, err
			}
			switched = switched || kind == kindActive && key == everybody
		}
	}
	return switched, nil
}

// all reads the records of a kind.
func (k *Kept) all(ctx context.Context, kind string) (map[string]state.Record, error) {
	all, after := map[string]state.Record{}, ""
	for {
		page, err := k.cfg.State.List(ctx, kind, after, 100)
		if err != nil || len(page) == 0 {
			return all, err
		}
		for _, r := range page {
			all[r.Key], after = r, r.Key
		}
	}
}

// take compiles a record. One without a version is gone.
func (k *Kept) take(kind, key string, r state.Record) error {
	list, left, lost := []*scenarios.Scenario(nil), 0, error(nil)
	if r.Version != 0 {
		if list, left, lost = k.decode(r.Data); lost != nil {
			k.cfg.Log.Error("a scenario that was active isn't any more", "whose", key, "error", lost)
		}
	}
	return k.set(kind, key, seenRecord{r.Version, list, left, lost})
}

// set makes a record active in memory.
func (k *Kept) set(kind, key string, now seenRecord) (err error) {
	m, before := k.Memory, k.seen[kind][key]
	again := kind == kindActive && before.version != 0 && same(before.list, now.list)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case kind == kindNext:
		err = m.setComing(userOf(key), now.left, now.list)
	case again && key == everybody:
		m.again()
	case key == everybody:
		m.everybody.Store(m.forEverybody(now.list))
	default:
		err = m.setOwn(userOf(key), now.list)
	}
	if now.version == 0 {
		delete(k.seen[kind], key)
	} else {
		k.seen[kind][key] = now
	}
	return err
}

// same reports whether two lists have the same scenarios, which then remember what they did.
func same(a, b []*scenarios.Scenario) bool {
	return slices.EqualFunc(a, b, func(x, y *scenarios.Scenario) bool { return x.Name == y.Name && x.Text() == y.Text() })
}

// Lost says which scenarios were active and can't be any more, because nobody knows them now.
func (k *Kept) Lost() (errs []error) {
	k.turn.Lock()
	defer k.turn.Unlock()
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

func (k *Kept) use(ctx context.Context, user string, list []*scenarios.Scenario) error {
	k.turn.Lock()
	defer k.turn.Unlock()
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
		data, err := encode(w.list, w.left)
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
	k.turn.Lock()
	defer k.turn.Unlock()
	keys := slices.Collect(func(yield func(string) bool) {
		for key := range k.seen[kindActive] {
			if !yield(key) {
				return
			}
		}
	})
	changes := []state.Change{state.Clear(kindNext)}
	for _, key := range keys {
		data, err := encode(k.seen[kindActive][key].list, 0)
		if err != nil {
			return err
		}
		changes = append(changes, state.Put(kindActive, key, data))
	}
	versions := map[string]state.Version{}
	for at := 0; at < len(changes); at += state.MaxChanges {
		end := min(at+state.MaxChanges, len(changes))
		v, err := k.cfg.State.Apply(ctx, changes[at:end]...)
		if err != nil {
			return fmt.Errorf("restart the counters of the active scenarios: %w", err)
		}
		for _, c := range changes[at:end] {
			versions[c.Key] = v
		}
	}
	for _, key := range keys {
		now := k.seen[kindActive][key]
		now.version = versions[key]
		k.seen[kindActive][key] = now
	}
	clear(k.seen[kindNext])
	return k.Memory.Restart(ctx)
}

// RestartFor implements Scenarios.
func (k *Kept) RestartFor(ctx context.Context, user string) error {
	k.turn.Lock()
	defer k.turn.Unlock()
	key := keyOf(user)
	now := k.seen[kindActive][key]
	return k.write(ctx, map[string]seenRecord{kindActive: {list: now.list}, kindNext: {}}, key)
}

// UseNext implements Coming.
func (k *Kept) UseNext(ctx context.Context, user string, n int, list []*scenarios.Scenario) error {
	if err := checkNext(n, list); err != nil {
		return err
	}
	k.turn.Lock()
	defer k.turn.Unlock()
	key := keyOf(user)
	if err := k.roomFor(kindNext, key, list); err != nil {
		return err
	}
	return k.write(ctx, map[string]seenRecord{kindNext: {list: list, left: n}}, key)
}

// Take implements Coming.
func (k *Kept) Take(ctx context.Context, from fault.Caller) (*fault.Plan, error) {
	c := k.comingFor("")
	if c == nil || !c.plan.CanTouch(from) {
		return nil, nil
	}
	return k.count(ctx, "")
}

// TakeFor implements Coming.
func (k *Kept) TakeFor(ctx context.Context, user string) (*fault.Plan, error) {
	if user == "" || k.comingFor(user) == nil {
		return nil, nil
	}
	return k.count(ctx, user)
}

// count counts a connection in the record, and returns the plan if it was one of the next.
func (k *Kept) count(ctx context.Context, user string) (*fault.Plan, error) {
	k.turn.Lock()
	defer k.turn.Unlock()
	key := keyOf(user)
	for {
		c, now := k.comingFor(user), k.seen[kindNext][key]
		if c == nil || now.left <= 0 {
			return nil, nil
		}
		r, left := state.Record{Kind: kindNext, Key: key, Version: now.version}, now.left-1
		change := state.Done(r)
		if left > 0 {
			data, err := encode(now.list, left)
			if err != nil {
				return nil, err
			}
			change = state.Replace(r, data)
		}
		version, err := k.cfg.State.Apply(ctx, change)
		switch {
		case err == nil:
			plan := c.take()
			if left == 0 {
				return plan, k.set(kindNext, key, seenRecord{})
			}
			k.seen[kindNext][key] = seenRecord{version, now.list, left, nil}
			return plan, nil
		case !errors.Is(err, state.ErrConflict):
			return nil, err
		}
		r, err = k.cfg.State.Get(ctx, kindNext, key) // somebody else has counted
		if err != nil && !errors.Is(err, state.ErrNone) {
			return nil, err
		}
		if err := k.take(kindNext, key, r); err != nil {
			return nil, err
		}
	}
}
