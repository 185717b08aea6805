package kept

import (
	"context"
	"fmt"
	"sync"

	"github.com/mailrig/mailrig/internal/store"
)

// maildrops are the locks of POP3 sessions. All of them are in this process, which releases them, so none expires.
type maildrops struct {
	mu      sync.Mutex
	holders map[string]*lease // by address
}

type lease struct {
	of      *maildrops
	address string
}

// LockMaildrop implements store.Accounts.
func (s *Store) LockMaildrop(ctx context.Context, name string) (store.Lease, error) {
	address, err := s.OpenAccount(ctx, name)
	if err != nil {
		return nil, err
	}
	d := &s.engine.drops
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.holders[address] != nil {
		return nil, fmt.Errorf("%w: end the other POP3 session of %s first", store.ErrInUse, address)
	}
	if d.holders == nil {
		d.holders = map[string]*lease{}
	}
	l := &lease{d, address}
	d.holders[address] = l
	return l, nil
}

// locked reports whether a POP3 session has the account's maildrop.
func (d *maildrops) locked(address string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.holders[address] != nil
}

// forget takes all locks away, for a Reset.
func (d *maildrops) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.holders = nil
}

// Reset implements store.Accounts.
func (s *Store) Reset(ctx context.Context) error {
	err := s.Clear(ctx, nil)
	if err == nil {
		s.engine.drops.forget()
	}
	return err
}

// Renew implements store.Lease.
func (l *lease) Renew(ctx context.Context) error {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	if l.of.holders[l.address] != l {
		return store.ErrLeaseLost
	}
	return ctx.Err()
}

// Release implements store.Lease. It ignores ctx.
func (l *lease) Release(context.Context) error {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	if l.of.holders[l.address] == l { // otherwise another session has it by now
		delete(l.of.holders, l.address)
	}
	return nil
}
