package memory

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/mailrig/mailrig/internal/store"
)

// account holds one user's mailboxes.
type account struct {
	store   *Store
	address string
	inbox   *mailbox // never replaced or renamed
	drop    maildrop
	held    atomic.Int64 // bytes of messages and entries in all its mailboxes; see room.go

	mu         sync.RWMutex
	gone       bool               // the store was reset
	folders    map[string]*folder // by name; parents that don't exist themselves aren't here
	subscribed map[string]struct{}
}

// folder is a mailbox and what belongs to its place in the account.
type folder struct {
	box        *mailbox
	specialUse string
}

func newAccount(s *Store, address string) *account {
	list := store.NewFolders()
	a := &account{
		store:      s,
		address:    address,
		folders:    make(map[string]*folder, len(list)),
		subscribed: make(map[string]struct{}, len(list)),
	}
	for _, f := range list {
		a.put(f.Name, &folder{box: newMailbox(a), specialUse: f.SpecialUse})
		a.subscribed[f.Name] = struct{}{}
	}
	a.inbox = a.folders[store.Inbox].box
	return a
}

// rlocked returns the account with this name. Its read lock is held unless there is an error.
func (s *Store) rlocked(name string) (*account, error) {
	for {
		a, err := s.account(name)
		if err != nil {
			return nil, err
		}
		a.mu.RLock()
		if !a.gone {
			return a, nil
		}
		a.mu.RUnlock() // a Reset has intervened
	}
}

// locked returns the account with this name. Its write lock is held unless there is an error.
func (s *Store) locked(name string) (*account, error) {
	for {
		a, err := s.account(name)
		if err != nil {
			return nil, err
		}
		a.mu.Lock()
		if !a.gone {
			return a, nil
		}
		a.mu.Unlock()
	}
}

// end removes everything, for a Reset.
func (a *account) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gone = true
	for name, f := range a.folders {
		a.cut(name)
		f.box.end()
	}
	for name := range a.subscribed {
		a.store.room.Release(nameCost(name))
	}
	a.folders = nil
	a.subscribed = nil
	a.store.room.Release(addressCost(a.address))
}

// Mailbox implements store.Folders.
func (s *Store) Mailbox(ctx context.Context, name, folder string) (store.Mailbox, error) {
	if err := ctx.Err(); err != nil {
		return store.Mailbox{}, err
	}
	folder = store.CanonicalName(folder)
	a, err := s.rlocked(name)
	if err != nil {
		return store.Mailbox{}, err
	}
	defer a.mu.RUnlock()
	f, err := a.folder(folder)
	if err != nil {
		return store.Mailbox{}, err
	}
	return store.Mailbox{ID: f.box.id, Account: a.address, Name: folder, UIDValidity: f.box.uidValidity}, nil
}

// folder returns the folder with this name. The caller holds a.mu.
func (a *account) folder(name string) (*folder, error) {
	if f := a.folders[name]; f != nil {
		return f, nil
	}
	if a.hasChildren(name) {
		return nil, fmt.Errorf("%w: %q is only a parent of others", store.ErrNotSelectable, name)
	}
	return nil, fmt.Errorf("%w: %q", store.ErrNoMailbox, name)
}

// hasChildren reports whether there is a folder below name. The caller holds a.mu.
func (a *account) hasChildren(name string) bool {
	for n := range a.folders {
		if store.Below(n, name) {
			return true
		}
	}
	return false
}

// maildrop is an account's lock for POP3. Its holder is in this process and releases it, so a lease never expires here.
type maildrop struct {
	mu     sync.Mutex
	holder *lease
}

type lease struct{ drop *maildrop }

// LockMaildrop implements store.Accounts.
func (s *Store) LockMaildrop(ctx context.Context, name string) (store.Lease, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a, err := s.account(name)
	if err != nil {
		return nil, err
	}
	a.drop.mu.Lock()
	defer a.drop.mu.Unlock()
	if a.drop.holder != nil {
		return nil, fmt.Errorf("%w: end the other POP3 session of %s first", store.ErrInUse, a.address)
	}
	a.drop.holder = &lease{&a.drop}
	return a.drop.holder, nil
}

// Renew implements store.Lease.
func (l *lease) Renew(ctx context.Context) error {
	l.drop.mu.Lock()
	defer l.drop.mu.Unlock()
	if l.drop.holder != l {
		return store.ErrLeaseLost
	}
	return ctx.Err()
}

// Release implements store.Lease. It ignores ctx.
func (l *lease) Release(context.Context) error {
	l.drop.mu.Lock()
	defer l.drop.mu.Unlock()
	if l.drop.holder == l { // otherwise another session has it by now
		l.drop.holder = nil
	}
	return nil
}
