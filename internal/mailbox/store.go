package mailbox

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	defaultDomain   = "example.test"
	defaultMaxBytes = 50 << 20
)

// Options configure a Store. The zero value is ready to use.
type Options struct {
	Domain          string           // appended to names without "@"; default "example.test"
	MaxMessageBytes int64            // larger messages are refused with ErrTooBig; 0: 50 MiB
	Now             func() time.Time // default time.Now
}

// Store holds every account. Its methods, and those of Account and Mailbox, may be
// called by any number of goroutines.
//
// Locks are taken in the order Store, Account, Mailbox, and never two mailboxes'
// at once. The locks of watchers come last and guard nothing else.
type Store struct {
	domain   string
	maxBytes int64
	now      func() time.Time

	// validity is the UIDVALIDITY given out last. It only grows, Reset included, so
	// that a value names one mailbox for good (RFC 9051 section 2.3.1.1).
	validity atomic.Uint32

	mu       sync.RWMutex
	accounts map[string]*Account // by canonical address

	watchMu  sync.RWMutex
	watchers map[chan struct{}]struct{}
}

// New makes an empty store.
func New(o Options) *Store {
	s := &Store{
		domain:   strings.ToLower(o.Domain),
		maxBytes: o.MaxMessageBytes,
		now:      o.Now,
		accounts: make(map[string]*Account),
		watchers: make(map[chan struct{}]struct{}),
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
	// Starting at the time means that a client which kept its cache over a restart
	// of the process finds larger values, as it must.
	s.validity.Store(uint32(max(s.now().Unix(), 1)))
	return s
}

// Address returns the canonical form of a user's name: the domain appended when
// there is none, its domain part in lower case, the local part untouched (only the
// host that owns it may interpret it, RFC 5321 section 2.4).
func (s *Store) Address(name string) string {
	at := strings.LastIndexByte(name, '@')
	if at < 0 {
		return name + "@" + s.domain
	}
	if domain := name[at:]; strings.ToLower(domain) != domain {
		return name[:at] + strings.ToLower(domain)
	}
	return name
}

// Account returns the account of that name, made now with its six folders if it is new.
func (s *Store) Account(name string) *Account {
	address := s.Address(name)
	s.mu.RLock()
	a := s.accounts[address]
	s.mu.RUnlock()
	if a != nil {
		return a
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a = s.accounts[address]; a == nil {
		a = newAccount(s, address)
		s.accounts[address] = a
	}
	return a
}

// Lookup returns the account of that name if it exists.
func (s *Store) Lookup(name string) (*Account, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	a, ok := s.accounts[s.Address(name)]
	return a, ok
}

// Accounts returns the addresses of all accounts, sorted.
func (s *Store) Accounts() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Sorted(maps.Keys(s.accounts))
}

// Deliver puts the message into the INBOX of the account, which is made if it is new.
func (s *Store) Deliver(name string, m *Message) (UID, error) {
	for {
		inbox, err := s.Account(name).Mailbox(inboxName)
		if err != nil {
			return 0, err
		}
		uid, err := inbox.Append(m, nil, time.Time{})
		if errors.Is(err, ErrNoMailbox) {
			continue // a Reset came between: INBOX vanishes in no other way
		}
		return uid, err
	}
}

// Watch returns a channel of capacity one that holds a token after any message
// arrived in any mailbox, whichever way. To wait for something: Watch first, look,
// then wait for a token and look again. stop ends it; it may be called more than once.
func (s *Store) Watch() (ch <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	s.watchMu.Lock()
	s.watchers[c] = struct{}{}
	s.watchMu.Unlock()
	return c, func() {
		s.watchMu.Lock()
		delete(s.watchers, c)
		s.watchMu.Unlock()
	}
}

// arrived wakes the watchers. It must come after the message can be seen: whoever
// takes a token then finds it, and a token not taken yet stands for this one too.
func (s *Store) arrived() {
	s.watchMu.RLock()
	defer s.watchMu.RUnlock()
	for c := range s.watchers {
		wake(c)
	}
}

// wake leaves a token in a channel of capacity one.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Reset forgets all accounts. Open views see every message expunged. An Account that
// a session still holds stands for the new account of the same name from now on.
func (s *Store) Reset() {
	s.mu.Lock()
	old := s.accounts
	s.accounts = make(map[string]*Account)
	s.mu.Unlock()
	for _, a := range old {
		a.end()
	}
}

func (s *Store) nextValidity() uint32 { return s.validity.Add(1) }
