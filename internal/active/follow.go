package active

import (
	"context"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/state"
	"github.com/mailrig/mailrig/scenarios"
)

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

// keepCounts removes what ended runs have counted, as long as ctx lasts.
func (k *Kept) keepCounts(ctx context.Context) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		if err := k.cfg.Counting.Keep(ctx, k.runs()); err != nil && ctx.Err() == nil {
			k.cfg.Log.Warn("can't remove what scenarios have counted that aren't active any more", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// runs lists the names of what is active or coming.
func (k *Kept) runs() []string {
	k.turn.take()
	defer k.turn.pass()
	list := []string{}
	for _, records := range k.seen {
		for _, r := range records {
			list = append(list, r.run)
		}
	}
	return list
}

// read takes over the records that this process hasn't written or read yet. switched reports whether everybody's changed.
func (k *Kept) read(ctx context.Context) (switched bool, err error) {
	k.turn.take()
	defer k.turn.pass()
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
	var now seenRecord
	if r.Version != 0 {
		var lost error
		if now, lost = k.decode(r.Data); lost != nil {
			k.cfg.Log.Error("a scenario that was active isn't any more", "whose", key, "error", lost)
		}
		now.version, now.lost = r.Version, lost
	}
	return k.set(kind, key, now)
}

// set makes a record active in memory.
func (k *Kept) set(kind, key string, now seenRecord) (err error) {
	m, before := k.Memory, k.seen[kind][key]
	again := kind == kindActive && before.version != 0 && same(before.list, now.list)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case kind == kindNext:
		err = m.setComing(userOf(key), now.left, now.list, now.run)
	case again && key == everybody:
		m.again(now.run)
	case key == everybody:
		m.everybody.Store(m.forEverybody(now.list, now.run))
	default:
		err = m.setOwn(userOf(key), now.list, now.run)
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
