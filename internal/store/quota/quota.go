// Package quota bounds how many bytes the messages of an account may have together, on top of any store (RFC 2087).
//
// Who puts a message into an account's mailbox reserves room for it first, and releases it once the store has answered. So two
// clients that store at the same time can't go over the bound together. [Store.Deliver] does both by itself. IMAP's APPEND
// and COPY name a mailbox and not an account: their adapter calls [Store.Reserve]. Seeds and uploads go to the store beneath,
// because a test may want a mailbox that is too full.
//
// Nothing is counted along: what an account holds is asked of the store each time. Several servers that share a store can
// go over the bound by what they take at the same moment.
package quota

import (
	"context"
	"errors"
	"sync"

	"github.com/mailrig/mailrig/internal/store"
)

// Limits say how many bytes an account may hold. 0 means that it has no bound.
type Limits struct {
	Each int64            // for an account that Of doesn't name
	Of   map[string]int64 // by address
}

// For returns an account's bound in bytes, or 0.
func (l Limits) For(account string) int64 {
	if n, ok := l.Of[account]; ok {
		return n
	}
	return l.Each
}

// Any reports whether some account has a bound.
func (l Limits) Any() bool {
	for _, n := range l.Of {
		if n > 0 {
			return true
		}
	}
	return l.Each > 0
}

// Store is a store whose accounts have bounds. Any goroutine may call its methods.
type Store struct {
	store.Store
	limits Limits

	mu      sync.Mutex
	pending map[string]int64 // by account: bytes that are reserved
}

// New bounds the accounts of a store. The addresses in limits must be canonical (store.Accounts.Address).
func New(st store.Store, limits Limits) *Store {
	return &Store{Store: st, limits: limits, pending: map[string]int64{}}
}

// Usage returns how many bytes the messages of an account have, and its bound: 0 means that it has none. It doesn't make the
// account.
func (s *Store) Usage(ctx context.Context, account string) (used, limit int64, err error) {
	limit = s.limits.For(account)
	if there, err := s.Store.HasAccount(ctx, account); err != nil || !there {
		return 0, limit, err
	}
	boxes, err := s.Store.List(ctx, account)
	if err != nil {
		return 0, 0, err
	}
	for _, info := range boxes {
		if !info.Exists {
			continue
		}
		size, err := s.size(ctx, account, info.Name)
		if err != nil {
			return 0, 0, err
		}
		used += size
	}
	return used, limit, nil
}

// Full reports whether an account has no room for anything.
func (s *Store) Full(ctx context.Context, account string) (bool, error) {
	if s.limits.For(account) == 0 {
		return false, nil
	}
	used, limit, err := s.Usage(ctx, account)
	return err == nil && used >= limit, err
}

// size returns how many bytes the messages of a mailbox have. One that has just been deleted has none.
func (s *Store) size(ctx context.Context, account, name string) (int64, error) {
	box, err := s.Store.Mailbox(ctx, account, name)
	if gone(err) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	status, err := s.Store.Status(ctx, box.ID)
	if gone(err) {
		return 0, nil
	}
	return status.Size, err
}

func gone(err error) bool {
	return errors.Is(err, store.ErrNoMailbox) || errors.Is(err, store.ErrNotSelectable)
}

// Reserve makes sure that an account has room for so many bytes until release is called, which must be once the store has
// them, or has refused them. It returns store.ErrOverQuota if there is no room. Then release does nothing.
func (s *Store) Reserve(ctx context.Context, account string, bytes int64) (release func(), err error) {
	nothing := func() {}
	if s.limits.For(account) == 0 {
		return nothing, nil
	}
	// The reservations are read before the store is. What has been stored and released meanwhile is in what the store
	// says; what is stored and not yet released counts twice. So the sum is never too small.
	s.mu.Lock()
	s.pending[account] += bytes
	reserved := s.pending[account]
	s.mu.Unlock()
	release = sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.pending[account] -= bytes; s.pending[account] == 0 {
			delete(s.pending, account)
		}
	})
	used, limit, err := s.Usage(ctx, account)
	if err == nil && used+reserved > limit {
		err = store.ErrOverQuota
	}
	if err != nil {
		release()
		return nothing, err
	}
	return release, nil
}

// Deliver implements store.Messages. It returns store.ErrOverQuota, and delivers to nobody, if the message is too much for one
// of the accounts.
func (s *Store) Deliver(ctx context.Context, accounts []string, m store.Incoming) ([]store.Delivery, error) {
	if !s.limits.Any() {
		return s.Store.Deliver(ctx, accounts, m)
	}
	seen := make(map[string]bool, len(accounts))
	for _, name := range accounts {
		account := s.Address(name)
		if seen[account] || s.limits.For(account) == 0 {
			continue
		}
		seen[account] = true
		release, err := s.Reserve(ctx, account, m.Content.Size())
		if err != nil {
			return nil, err
		}
		defer release()
	}
	return s.Store.Deliver(ctx, accounts, m)
}
