// Package memory is a store that keeps everything in memory. Its contents are lost when the process ends. The server
// uses it unless it is given another store.
//
// A mailbox is a list of entries sorted by UID, with a log of removals. Locks are taken in the order store, account,
// mailbox. Two mailboxes are never locked at once. The locks of the watches and of the table of mailboxes come last and
// guard nothing else. No lock is held when a method returns.
//
// Content that is already in memory (store.Bytes, or a store.Message such as those of package madeup) is kept as it is.
// Any other content is read in.
package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/store"
)

const (
	defaultDomain   = "example.test"
	defaultMaxBytes = 50 << 20
)

// Options configure a Store. The zero value is ready to use.
type Options struct {
	Domain          string           // appended to names without "@"; "" means "example.test"
	MaxMessageBytes int64            // larger messages are refused with store.ErrTooBig; 0 means 50 MiB
	Now             func() time.Time // nil means time.Now
	Room            *budget.Share    // for everything that the store holds; nil has no bound
	Memos           *budget.Share    // for what is computed from messages and kept with them; nil has no bound
	// Evict removes mail if there is no room: the oldest of the largest account. Otherwise what doesn't fit is refused
	// with store.ErrFull.
	Evict  bool
	OnFull func() // called when something is refused because there is no room; must be quick; may be nil
}

// Store implements store.Store. Its methods fail only as the interface documents, or if ctx has ended.
type Store struct {
	domain   string
	maxBytes int64
	now      func() time.Time
	room     *budget.Share
	memos    *budget.Share
	evicts   bool
	onFull   func()
	evicting sync.Mutex // held while mail is being evicted; taken before all other locks

	// validity is the UIDVALIDITY given out last; it also makes the mailbox ids. It only grows, even across a Reset, so
	// that a value belongs to one mailbox for ever (RFC 9051 section 2.3.1.1).
	validity atomic.Uint32
	removals atomic.Uint64 // see Removals
	onRemove atomic.Pointer[func()]

	mu       sync.RWMutex
	accounts map[string]*account // by canonical address

	boxMu sync.RWMutex
	boxes map[store.MailboxID]*mailbox // mailboxes that aren't deleted

	arrivals watches
	numbers  numbers
}

var _ store.Store = (*Store)(nil)

// New returns an empty store.
func New(o Options) *Store {
	s := &Store{
		domain:   strings.ToLower(o.Domain),
		maxBytes: o.MaxMessageBytes,
		now:      o.Now,
		room:     o.Room,
		memos:    o.Memos,
		evicts:   o.Evict,
		onFull:   o.OnFull,
		accounts: make(map[string]*account),
		boxes:    make(map[store.MailboxID]*mailbox),
	}
	if s.domain == "" {
		s.domain = defaultDomain
	}
	if s.maxBytes <= 0 {
		s.maxBytes = defaultMaxBytes
	}
	if s.now == nil {
		s.now = time.Now
	}
	// Starting at the current time makes the values larger after a restart of the process. A client that has kept its
	// cache needs that.
	s.validity.Store(uint32(max(s.now().Unix(), 1)))
	return s
}

// Address implements store.Accounts.
func (s *Store) Address(name string) string { return store.CanonicalAddress(name, s.domain) }

// OpenAccount implements store.Accounts.
func (s *Store) OpenAccount(ctx context.Context, name string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	a, err := s.account(name)
	if err != nil {
		return "", err
	}
	return a.address, nil
}

// account returns the account with this name. It makes the account if it is new, and returns ErrFull if there is no
// room for it. The caller holds no lock.
func (s *Store) account(name string) (*account, error) {
	address := s.Address(name)
	s.mu.RLock()
	a := s.accounts[address]
	s.mu.RUnlock()
	if a != nil {
		return a, nil
	}
	cost := accountCost(address)
	if err := s.reserve(cost); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a = s.accounts[address]; a != nil {
		s.room.Release(cost) // somebody else was faster
		return a, nil
	}
	a = newAccount(s, address)
	s.accounts[address] = a
	return a, nil
}

// HasAccount implements store.Accounts.
func (s *Store) HasAccount(ctx context.Context, name string) (bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.accounts[s.Address(name)]
	return ok, ctx.Err()
}

// ListAccounts implements store.Accounts.
func (s *Store) ListAccounts(ctx context.Context) ([]string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Sorted(maps.Keys(s.accounts)), ctx.Err()
}

// Reset implements store.Accounts.
func (s *Store) Reset(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	old := s.accounts
	s.accounts = make(map[string]*account)
	s.mu.Unlock()
	for _, a := range old {
		a.end()
	}
	return nil
}

// Deliver implements store.Messages. It does everything that can fail before the message is in the first INBOX.
func (s *Store) Deliver(ctx context.Context, accounts []string, in store.Incoming) ([]store.Delivery, error) {
	in.Gap = 0
	m, date, err := s.take(ctx, &in)
	if err != nil {
		return nil, err
	}
	defer s.drop(m)
	addresses := make([]string, 0, len(accounts))
	for _, name := range accounts {
		if address := s.Address(name); !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	rest := int64(len(addresses)) * flagsCost(in.Flags)
	if err := s.reserve(rest); err != nil {
		return nil, err
	}
	defer func() { s.room.Release(rest) }()
	inboxes, err := s.holdInboxes(addresses)
	if err != nil {
		return nil, err
	}
	defer s.arrivals.wake()
	defer s.mu.RUnlock()
	out := make([]store.Delivery, len(addresses))
	for i, b := range inboxes {
		uid, used := b.deliver(m, in.Flags, date)
		rest -= used
		out[i] = store.Delivery{Account: addresses[i], Mailbox: b.id, UID: uid, Message: m}
	}
	return out, nil
}

// holdInboxes returns the INBOX of each account, with s.mu held for reading. No Reset can intervene, and an INBOX
// vanishes in no other way.
func (s *Store) holdInboxes(addresses []string) ([]*mailbox, error) {
	inboxes := make([]*mailbox, len(addresses))
	for {
		for _, address := range addresses {
			if _, err := s.account(address); err != nil {
				return nil, err
			}
		}
		s.mu.RLock()
		complete := true
		for i, address := range addresses {
			a := s.accounts[address]
			if a == nil {
				complete = false
				break
			}
			inboxes[i] = a.inbox
		}
		if complete {
			return inboxes, nil
		}
		s.mu.RUnlock()
	}
}

// take turns incoming content into a message, and returns its INTERNALDATE. The caller drops the message when it is in
// its mailboxes.
func (s *Store) take(ctx context.Context, in *store.Incoming) (store.Message, time.Time, error) {
	var none time.Time
	if err := ctx.Err(); err != nil {
		return nil, none, err
	}
	if n := in.Content.Size(); n > s.maxBytes {
		return nil, none, fmt.Errorf("%w: %d bytes, at most %d", store.ErrTooBig, n, s.maxBytes)
	}
	date := in.Date
	if m, ok := in.Content.(store.Message); ok {
		if date.IsZero() {
			origin, err := m.Origin(ctx)
			if err != nil {
				return nil, none, err
			}
			date = origin.Received
		}
		s.hold(m)
		return m, date, nil
	}
	cost := messageCost(in.Content.Size(), &in.Envelope)
	if err := s.reserve(cost); err != nil { // before it is read in
		return nil, none, err
	}
	raw, err := store.ReadAll(ctx, in.Content)
	if err != nil {
		s.room.Release(cost)
		return nil, none, err
	}
	received := in.Received
	if received.IsZero() {
		received = s.now()
	}
	if date.IsZero() {
		date = received
	}
	return s.newMessage(raw, received, in.Envelope, cost), date, nil
}

// box returns the mailbox with this id, or ErrNoMailbox.
func (s *Store) box(ctx context.Context, id store.MailboxID) (*mailbox, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.boxMu.RLock()
	b := s.boxes[id]
	s.boxMu.RUnlock()
	if b == nil {
		return nil, fmt.Errorf("%w: number %d", store.ErrNoMailbox, id)
	}
	return b, nil
}
