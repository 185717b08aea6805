package issuer

import (
	"context"
	"time"
)

// hindered waits as long as a scenario wants, and returns what stands in the way of a request for a user's token: nothing, or failing. by is
// the scenario that had a say. The caller doesn't hold the lock.
func (i *Issuer) hindered(ctx context.Context, user string) (by string, err error) {
	c := i.conditions(ctx, user)
	if c.Delay > 0 {
		by = c.By
		t := time.NewTimer(c.Delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return by, failing // to nobody: the client has left, or the rig stops
		}
	}
	if c.Down {
		return c.By, failing
	}
	return by, nil
}

// subject returns the user whose token a request is about, as far as the request tells.
func (x *exchange) subject() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if c, ok := x.state.codes.get(x.form.Get("code")); ok {
		return c.user
	}
	if t, ok := x.known(x.form.Get("refresh_token")); ok {
		return t.user
	}
	if d, ok := x.state.devices.get(x.form.Get("device_code")); ok && d.grant != nil {
		return d.grant.user
	}
	return x.form.Get("username")
}
