package mailbox

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Mailbox is a list of messages. It stays the same when it is renamed; after it was
// deleted it is empty for good and takes no messages.
type Mailbox struct {
	store       *Store
	uidValidity uint32

	// modSeq is the mod-sequence of the last change of any kind. Written under mu
	// after the change it stands for; View.Sync reads it without.
	modSeq atomic.Uint64

	mu          sync.RWMutex
	name        string
	gone        bool
	entries     []Entry // sorted by UID
	uidNext     UID
	recentFrom  UID                // from this UID on no read-write view has claimed \Recent
	lastFlags   uint64             // modSeq of the last change of flags
	lastExpunge uint64             // modSeq of the last removal
	moving      map[UID]struct{}   // taken by a Move that is under way
	views       map[*View]struct{} // open ones
	keywords    []string           // only appended to; Views remember how many they saw
	spelling    map[string]string  // lower case -> as in keywords
	size        int64              // these three are sums over entries
	unseen      uint32
	deleted     uint32
}

func newMailbox(s *Store, name string) *Mailbox {
	b := &Mailbox{store: s, uidValidity: s.nextValidity(), name: name, uidNext: 1, recentFrom: 1}
	b.modSeq.Store(1) // 0 is not a mod-sequence (RFC 7162 section 7)
	return b
}

// Name returns the mailbox's name; the last one if it was deleted.
func (b *Mailbox) Name() string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.name
}

func (b *Mailbox) rename(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.name = name
}

// Status returns one consistent reading.
func (b *Mailbox) Status() Status {
	b.mu.RLock()
	defer b.mu.RUnlock()
	first, _ := findEntry(b.entries, 0, b.recentFrom)
	return Status{
		Messages:      uint32(len(b.entries)),
		Unseen:        b.unseen,
		Deleted:       b.deleted,
		Recent:        uint32(len(b.entries) - first),
		UIDNext:       b.uidNext,
		UIDValidity:   b.uidValidity,
		Size:          b.size,
		HighestModSeq: b.modSeq.Load(),
		Keywords:      slices.Clone(b.keywords),
	}
}

// Entries returns all messages in UID order, as they are now.
func (b *Mailbox) Entries() []Entry {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.Clone(b.entries)
}

// Append adds a message (RFC 9051 section 6.3.12). A zero date stands for the time
// the message was received. ErrTooBig; ErrNoMailbox if it was deleted meanwhile.
func (b *Mailbox) Append(m *Message, flags []string, date time.Time) (UID, error) {
	if m.Size() > b.store.maxBytes {
		return 0, fmt.Errorf("%w: %d bytes, at most %d", ErrTooBig, m.Size(), b.store.maxBytes)
	}
	if date.IsZero() {
		date = m.Received()
	}
	if date.IsZero() {
		date = b.store.now()
	}
	b.mu.Lock()
	if b.gone {
		defer b.mu.Unlock()
		return 0, fmt.Errorf("%w: %q", ErrNoMailbox, b.name)
	}
	modSeq := b.modSeq.Load() + 1
	uid := b.insert(Entry{Flags: b.flags(flags, true), Date: date, Message: m}, modSeq)
	b.changed(modSeq, nil)
	b.mu.Unlock()
	b.store.arrived()
	return uid, nil
}

// addAll adds copies of entries of any mailbox, all or none (RFC 9051 section 6.4.7).
func (b *Mailbox) addAll(entries []Entry) ([]UID, error) {
	b.mu.Lock()
	if b.gone {
		defer b.mu.Unlock()
		return nil, fmt.Errorf("%w: %q", ErrNoMailbox, b.name)
	}
	if len(entries) == 0 {
		b.mu.Unlock()
		return nil, nil
	}
	modSeq := b.modSeq.Load() + 1
	uids := make([]UID, len(entries))
	for i, e := range entries {
		e.Flags = b.flags(e.Flags, true) // keywords may be spelled differently here
		uids[i] = b.insert(e, modSeq)
	}
	b.changed(modSeq, nil)
	b.mu.Unlock()
	b.store.arrived()
	return uids, nil
}

// insert wants b.mu held.
func (b *Mailbox) insert(e Entry, modSeq uint64) UID {
	e.UID = b.uidNext
	e.ModSeq = modSeq
	b.uidNext++
	b.entries = append(b.entries, e)
	b.size += e.Message.Size()
	b.count(&e, 1)
	return e.UID
}

// count adds n (1, or -1 as the all-ones number) for the entry to the sums over flags.
func (b *Mailbox) count(e *Entry, n int32) {
	if !e.Has(Seen) {
		b.unseen += uint32(n)
	}
	if e.Has(Deleted) {
		b.deleted += uint32(n)
	}
}

// changed ends a change: it publishes the mod-sequence and leaves a token with every
// open view but one. It wants b.mu held.
func (b *Mailbox) changed(modSeq uint64, except *View) {
	b.modSeq.Store(modSeq)
	for v := range b.views {
		if v != except {
			wake(v.changed)
		}
	}
}

// Expunge removes exactly these messages, \Deleted or not, and returns those that
// were there.
func (b *Mailbox) Expunge(uids []UID) []UID {
	uids = ascending(uids)
	b.mu.Lock()
	defer b.mu.Unlock()
	i := 0
	return b.remove(func(e *Entry) bool {
		var found bool
		i, found = findUID(uids, i, e.UID)
		return found
	})
}

// remove takes out every entry that fits, asked in UID order. It wants b.mu held.
func (b *Mailbox) remove(fits func(*Entry) bool) []UID {
	var removed []UID
	kept := 0
	for i := range b.entries {
		e := &b.entries[i]
		if fits(e) {
			removed = append(removed, e.UID)
			b.size -= e.Message.Size()
			b.count(e, -1)
			continue
		}
		if kept != i {
			b.entries[kept] = *e
		}
		kept++
	}
	clear(b.entries[kept:]) // lets the messages go
	b.entries = b.entries[:kept]
	if len(removed) > 0 {
		b.lastExpunge = b.modSeq.Load() + 1
		b.changed(b.lastExpunge, nil)
	}
	return removed
}

// claim returns the given messages (or all) for a move, without those that another
// move has taken already: two sessions that move a message at once must not make two
// of it. The caller adds them elsewhere and then calls release, which removes them
// if that succeeded. In between no lock is held.
func (b *Mailbox) claim(uids []UID, all bool) (entries []Entry, release func(moved bool)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	take := func(e *Entry) {
		if _, taken := b.moving[e.UID]; taken {
			return
		}
		if b.moving == nil {
			b.moving = make(map[UID]struct{})
		}
		b.moving[e.UID] = struct{}{}
		entries = append(entries, *e)
	}
	if all {
		for i := range b.entries {
			take(&b.entries[i])
		}
	} else {
		b.each(uids, take)
	}
	return entries, func(moved bool) {
		claimed := make([]UID, len(entries))
		for i, e := range entries {
			claimed[i] = e.UID
		}
		if moved {
			b.Expunge(claimed)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, uid := range claimed {
			delete(b.moving, uid)
		}
	}
}

// each calls f with every message of uids, ascending, that exists. It wants b.mu held.
func (b *Mailbox) each(uids []UID, f func(*Entry)) {
	i := 0
	for _, uid := range uids {
		var found bool
		if i, found = findEntry(b.entries, i, uid); found {
			f(&b.entries[i])
		}
	}
}

// end empties the mailbox for good.
func (b *Mailbox) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = true
	b.remove(func(*Entry) bool { return true })
	b.entries = nil
}

// findEntry is findUID over entries.
func findEntry(entries []Entry, from int, uid UID) (int, bool) {
	if from < len(entries) && entries[from].UID == uid {
		return from, true
	}
	i, found := slices.BinarySearchFunc(entries[from:], uid, func(e Entry, uid UID) int {
		return cmp.Compare(e.UID, uid)
	})
	return from + i, found
}

// findUID returns where uid is, or would be, in uids[from:]. Looking for ascending UIDs
// with from as the last answer is a merge: the first look mostly finds it.
func findUID(uids []UID, from int, uid UID) (int, bool) {
	if from < len(uids) && uids[from] == uid {
		return from, true
	}
	i, found := slices.BinarySearch(uids[from:], uid)
	return from + i, found
}

// ascending returns uids sorted and each once; the same slice if it is so already.
func ascending(uids []UID) []UID {
	for i := 1; i < len(uids); i++ {
		if uids[i-1] >= uids[i] {
			uids = slices.Clone(uids)
			slices.Sort(uids)
			return slices.Compact(uids)
		}
	}
	return uids
}
