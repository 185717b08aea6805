package mailbox

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// Account is one user's mailboxes.
type Account struct {
	store   *Store
	address string

	maildrop atomic.Bool // a POP3 session holds it

	mu         sync.RWMutex
	gone       bool               // the store was reset
	folders    map[string]*folder // by name; parents that don't exist themselves are not in it
	subscribed map[string]struct{}
}

// folder is a mailbox together with what belongs to its place in the account.
type folder struct {
	box        *Mailbox
	specialUse string
}

// newFolders is what every account starts with (RFC 6154 for the special uses).
var newFolders = [...]struct{ name, specialUse string }{
	{inboxName, ""},
	{"Drafts", `\Drafts`},
	{"Sent", `\Sent`},
	{"Junk", `\Junk`},
	{"Trash", `\Trash`},
	{"Archive", `\Archive`},
}

func newAccount(s *Store, address string) *Account {
	a := &Account{
		store:      s,
		address:    address,
		folders:    make(map[string]*folder, len(newFolders)),
		subscribed: make(map[string]struct{}, len(newFolders)),
	}
	for _, f := range newFolders {
		a.folders[f.name] = &folder{box: newMailbox(s, f.name), specialUse: f.specialUse}
		a.subscribed[f.name] = struct{}{}
	}
	return a
}

// Address returns the canonical address of the account's user.
func (a *Account) Address() string { return a.address }

// rlocked returns the account with its read lock held. After a Reset that is not a
// itself but its successor, so that a session that logged in before goes on working.
func (a *Account) rlocked() *Account {
	for {
		a.mu.RLock()
		if !a.gone {
			return a
		}
		a.mu.RUnlock()
		a = a.store.Account(a.address)
	}
}

// locked is rlocked with the write lock.
func (a *Account) locked() *Account {
	for {
		a.mu.Lock()
		if !a.gone {
			return a
		}
		a.mu.Unlock()
		a = a.store.Account(a.address)
	}
}

// end removes everything, for a Reset.
func (a *Account) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gone = true
	for _, f := range a.folders {
		f.box.end()
	}
	a.folders = nil
	a.subscribed = nil
}

// Mailbox returns the mailbox of that name; INBOX is found in any case.
// ErrNoMailbox; ErrNotSelectable if it is only a parent of others.
func (a *Account) Mailbox(name string) (*Mailbox, error) {
	name = canonical(name)
	a = a.rlocked()
	defer a.mu.RUnlock()
	f, err := a.folder(name)
	if err != nil {
		return nil, err
	}
	return f.box, nil
}

// folder wants a.mu held.
func (a *Account) folder(name string) (*folder, error) {
	if f := a.folders[name]; f != nil {
		return f, nil
	}
	if a.hasChildren(name) {
		return nil, fmt.Errorf("%w: %q is only a parent of others", ErrNotSelectable, name)
	}
	return nil, fmt.Errorf("%w: %q", ErrNoMailbox, name)
}

// hasChildren wants a.mu held.
func (a *Account) hasChildren(name string) bool {
	for n := range a.folders {
		if below(n, name) {
			return true
		}
	}
	return false
}

// LockMaildrop takes the exclusive lock that a POP3 session holds from login to the
// end (RFC 1939 section 4); ErrInUse. It keeps out nobody but other POP3 sessions.
// unlock may be called more than once.
func (a *Account) LockMaildrop() (unlock func(), err error) {
	a = a.rlocked()
	defer a.mu.RUnlock()
	if !a.maildrop.CompareAndSwap(false, true) {
		return nil, fmt.Errorf("%w: end the other POP3 session of %s first", ErrInUse, a.address)
	}
	// A second call must not release a lock that is another session's by then.
	return sync.OnceFunc(func() { a.maildrop.Store(false) }), nil
}
