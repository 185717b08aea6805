package active

import (
	"context"
	"errors"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/state"
	"github.com/mailrig/mailrig/scenarios"
)

// UseNext implements Coming.
func (k *Kept) UseNext(ctx context.Context, user string, n int, list []*scenarios.Scenario) error {
	if err := checkNext(n, list); err != nil {
		return err
	}
	k.turn.take()
	defer k.turn.pass()
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

// patience is how long the records may keep a connection waiting.
const patience = 2 * time.Second

// count counts a connection in the record, and returns the plan if it was one of the next.
func (k *Kept) count(ctx context.Context, user string) (*fault.Plan, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := k.turn.await(ctx); err != nil {
		return nil, err
	}
	defer k.turn.pass()
	key := keyOf(user)
	for {
		c, now := k.comingFor(user), k.seen[kindNext][key]
		if c == nil || now.left <= 0 {
			return nil, nil
		}
		r, left := state.Record{Kind: kindNext, Key: key, Version: now.version}, now.left-1
		change := state.Done(r)
		if left > 0 {
			then := now
			then.left = left
			data, err := encode(then)
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
			now.version, now.left = version, left
			k.seen[kindNext][key] = now
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
