package memory

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailrig/mailrig/internal/store"
)

// mailbox is a list of messages. It doesn't know its name. After it has been deleted it stays empty and accepts no
// messages.
type mailbox struct {
	store       *Store
	account     *account
	id          store.MailboxID
	uidValidity uint32
	watches     watches

	// modSeq is the mod-sequence of the last change of any kind. It is written under mu, after the change that it
	// stands for. Watches read it without mu.
	modSeq atomic.Uint64

	mu          sync.RWMutex
	gone        bool
	entries     []store.Entry // sorted by UID
	uidNext     store.UID
	recentFrom  store.UID              // from this UID on, nobody has claimed \Recent
	lastFlags   uint64                 // modSeq of the last flag change
	lastKeyword uint64                 // modSeq of the last new keyword
	removed     removals               // what was expunged
	moving      map[store.UID]struct{} // claimed by a Move that is under way
	keywords    []string               // handed out, so only appended to
	spelling    map[string]string      // lower case -> as in keywords
	held        int64                  // bytes reserved for the entries, the keywords and the log of removals
	size        int64                  // this and the next two are sums over entries
	unseen      uint32
	deleted     uint32
}

// newMailbox makes a mailbox. Its cost is already reserved.
func newMailbox(a *account) *mailbox {
	s := a.store
	validity := s.validity.Add(1)
	b := &mailbox{store: s, account: a, id: store.MailboxID(validity), uidValidity: validity, uidNext: 1, recentFrom: 1}
	b.modSeq.Store(1) // 0 isn't a mod-sequence (RFC 7162 section 7)
	s.boxMu.Lock()
	defer s.boxMu.Unlock()
	s.boxes[b.id] = b
	return b
}

// end empties the mailbox for good.
func (b *mailbox) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.close()
}

// endIfEmpty ends the mailbox if it is empty, and reports whether it was.
func (b *mailbox) endIfEmpty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.entries) > 0 {
		return false
	}
	b.close()
	return true
}

// close ends the mailbox. The caller holds b.mu.
func (b *mailbox) close() {
	b.gone = true
	for i := range b.entries {
		b.store.drop(b.entries[i].Message)
	}
	b.account.held.Add(-b.size - int64(len(b.entries))*entryCost)
	b.store.room.Release(b.held + mailboxCost)
	b.held = 0
	b.entries = nil
	b.store.countRemoval()
	b.removed = removals{}
	b.changed(b.modSeq.Load() + 1)
	b.store.boxMu.Lock()
	defer b.store.boxMu.Unlock()
	delete(b.store.boxes, b.id)
}

// noMailbox returns the error for a mailbox that is gone.
func (b *mailbox) noMailbox() error {
	return fmt.Errorf("%w: it has just been deleted", store.ErrNoMailbox)
}

// deliver adds a message to an INBOX, which can't vanish meanwhile. It returns how much of the reserved room it used.
func (b *mailbox) deliver(m store.Message, flags []string, date time.Time) (uid store.UID, used int64) {
	b.store.numbers.giving.RLock()
	defer b.store.numbers.giving.RUnlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	modSeq, before := b.modSeq.Load()+1, b.held
	uid = b.insert(store.Entry{Flags: b.flags(flags, modSeq), Date: date, Message: m}, modSeq)
	b.changed(modSeq)
	return uid, b.held - before
}

// addAll adds copies of entries from any mailbox, all or none (RFC 9051 section 6.4.7). In these entries, UID says how
// many UIDs to skip before the message. addAll returns how much of the reserved room it used.
func (b *mailbox) addAll(entries []store.Entry) (uids []store.UID, used int64, err error) {
	b.store.numbers.giving.RLock()
	defer b.store.numbers.giving.RUnlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone {
		return nil, 0, b.noMailbox()
	}
	if len(entries) == 0 {
		return nil, 0, nil
	}
	need := int64(b.uidNext) + int64(len(entries))
	for i := range entries {
		need += int64(entries[i].UID)
	}
	if need > math.MaxUint32 {
		return nil, 0, fmt.Errorf("%w: its UIDs are used up; make a new mailbox", store.ErrFull)
	}
	if err := b.checkKeywords(func(yield func([]string) bool) {
		for i := range entries {
			if !yield(entries[i].Flags) {
				return
			}
		}
	}); err != nil {
		return nil, 0, err
	}
	modSeq, before := b.modSeq.Load()+1, b.held
	uids = make([]store.UID, len(entries))
	for i, e := range entries {
		e.Flags = b.flags(e.Flags, modSeq) // keywords may be spelt differently here
		b.uidNext += e.UID
		uids[i] = b.insert(e, modSeq)
	}
	b.changed(modSeq)
	return uids, b.held - before, nil
}

// insert appends an entry and returns its new UID. The caller holds b.mu, and numbers.giving for reading.
func (b *mailbox) insert(e store.Entry, modSeq uint64) store.UID {
	e.UID = b.uidNext
	e.Arrival = b.store.numbers.next(e.Message)
	e.ModSeq = modSeq
	b.uidNext++
	b.entries = append(b.entries, e)
	b.store.hold(e.Message)
	b.held += entryCost + keywordsCost(len(e.Flags))
	b.size += e.Message.Size()
	b.account.held.Add(e.Message.Size() + entryCost)
	b.count(&e, 1)
	return e.UID
}

// count adds n (1, or -1) for the entry to the sums over flags.
func (b *mailbox) count(e *store.Entry, n int32) {
	if !e.Has(store.Seen) {
		b.unseen += uint32(n)
	}
	if e.Has(store.Deleted) {
		b.deleted += uint32(n)
	}
}

// changed ends a change. It publishes the mod-sequence and leaves a token with every watch. The caller holds b.mu.
func (b *mailbox) changed(modSeq uint64) {
	b.modSeq.Store(modSeq)
	b.watches.wake()
}

// remove removes every entry for which fits is true. It asks in UID order. The caller holds b.mu.
func (b *mailbox) remove(fits func(*store.Entry) bool) []store.UID {
	var removed []store.UID
	var freed, size int64
	kept := 0
	for i := range b.entries {
		e := &b.entries[i]
		if fits(e) {
			removed = append(removed, e.UID)
			b.store.drop(e.Message)
			freed += entryCost + keywordsCost(len(e.Flags))
			size += e.Message.Size()
			b.count(e, -1)
			continue
		}
		if kept != i {
			b.entries[kept] = *e
		}
		kept++
	}
	if len(removed) == 0 {
		return nil
	}
	b.store.countRemoval()
	clear(b.entries[kept:]) // releases the messages
	b.entries = b.entries[:kept]
	if cap(b.entries) > 1024 && kept < cap(b.entries)/4 {
		b.entries = slices.Clone(b.entries) // gives the memory of the others back
	}
	b.size -= size
	b.account.held.Add(-size - int64(len(removed))*entryCost)
	modSeq := b.modSeq.Load() + 1
	freed -= b.removed.add(removed, modSeq) * removalCost // less than what an entry has freed
	b.held -= freed
	b.store.room.Release(freed)
	b.changed(modSeq)
	return removed
}

// each calls f for every existing message in uids, which must be ascending. The caller holds b.mu.
func (b *mailbox) each(uids []store.UID, f func(*store.Entry)) {
	i := 0
	for _, uid := range uids {
		var found bool
		if i, found = findEntry(b.entries, i, uid); found {
			f(&b.entries[i])
		}
	}
}

// findEntry is store.FindUID for entries.
func findEntry(entries []store.Entry, from int, uid store.UID) (int, bool) {
	if from < len(entries) && entries[from].UID == uid {
		return from, true
	}
	i, found := slices.BinarySearchFunc(entries[from:], uid, func(e store.Entry, uid store.UID) int {
		return cmp.Compare(e.UID, uid)
	})
	return from + i, found
}

// claim returns the given messages (or all) for a move, in the form that addAll takes. It leaves out those that another
// move has claimed: two sessions that move a message at the same time must not duplicate it. The caller adds the
// messages elsewhere and then calls release, which removes them here if that succeeded. No lock is held in between.
func (b *mailbox) claim(uids []store.UID, all bool) (entries []store.Entry, claimed []store.UID, release func(moved bool)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	take := func(e *store.Entry) {
		if _, taken := b.moving[e.UID]; taken {
			return
		}
		if b.moving == nil {
			b.moving = make(map[store.UID]struct{})
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
	claimed = uidsOf(entries)
	return withoutGaps(entries), claimed, func(moved bool) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if moved {
			b.removeThese(claimed)
		}
		for _, uid := range claimed {
			delete(b.moving, uid)
		}
	}
}

// removeThese removes these messages. uids must be ascending. The caller holds b.mu.
func (b *mailbox) removeThese(uids []store.UID) []store.UID {
	i := 0
	return b.remove(func(e *store.Entry) bool {
		var found bool
		i, found = store.FindUID(uids, i, e.UID)
		return found
	})
}

// withoutGaps prepares entries of one mailbox for addAll, in place.
func withoutGaps(entries []store.Entry) []store.Entry {
	for i := range entries {
		entries[i].UID = 0
	}
	return entries
}

func uidsOf(entries []store.Entry) []store.UID {
	if len(entries) == 0 {
		return nil
	}
	uids := make([]store.UID, len(entries))
	for i := range entries {
		uids[i] = entries[i].UID
	}
	return uids
}
