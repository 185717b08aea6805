package memory

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/store"
)

// This file keeps the store within its room. Whatever a client can make grow is reserved before it is held: messages
// (once, in however many mailboxes they are), entries, keywords, mailboxes, accounts and subscriptions. No lock is held
// while room is reserved, because that may evict mail. What a call has reserved and not used, it releases at its end.

// How many bytes things take besides the bytes of their texts, rounded up. TestCosts compares them with reality.
const (
	messageOverhead = 192
	entryCost       = 208 // with its share of the list's spare room, and with the system flags
	flagCost        = 16  // of a keyword of one entry
	removalCost     = 16  // of an entry in the log of removals
	nameOverhead    = 112 // of a keyword or a subscription
	mailboxCost     = 512 // without its name and its keywords
)

func messageCost(size int64, env *store.Envelope) int64 {
	n := size + messageOverhead + int64(len(env.From)+len(env.Session)+len(env.User))
	for _, r := range env.Recipients {
		n += int64(len(r)) + flagCost
	}
	return n
}

func nameCost(name string) int64 { return int64(2*len(name)) + nameOverhead } // a keyword is held in lower case too

// addressCost is what an account takes besides its mailboxes and subscriptions.
func addressCost(address string) int64 { return int64(512 + 2*len(address)) }

// accountCost is what a new account takes, with the mailboxes that it starts with.
func accountCost(address string) int64 {
	n := addressCost(address)
	for _, f := range store.NewFolders() {
		n += mailboxCost + nameCost(f.Name)
	}
	return n
}

// keywordsCost is what an entry's list of flags takes beyond the system flags.
func keywordsCost(flags int) int64 { return int64(max(0, flags-len(store.SystemFlags()))) * flagCost }

// memoCost estimates what something computed from a message takes.
func memoCost(size int64) int64 { return 768 + size/8 }

// keywordsRoom is what new keywords may take, in a mailbox and in n of its entries.
func keywordsRoom(flags []string, n int) (cost int64) {
	for _, f := range flags {
		if f, keyword := store.CanonicalFlag(f); keyword {
			cost += nameCost(f) + int64(n)*flagCost
		}
	}
	return cost
}

// flagsCost is what an entry with these flags may take.
func flagsCost(flags []string) int64 { return entryCost + keywordsRoom(flags, 1) }

func entriesCost(entries []store.Entry) (cost int64) {
	for i := range entries {
		cost += flagsCost(entries[i].Flags)
	}
	return cost
}

// hold counts one more user of a message.
func (s *Store) hold(m store.Message) {
	if m, ok := m.(*message); ok && m.refs.Add(1) == 1 {
		m.store.room.Take(m.cost) // it was being dropped
	}
}

// drop counts one user less. Nothing is kept with a message that has none.
func (s *Store) drop(m store.Message) {
	if m, ok := m.(*message); ok && m.refs.Add(-1) == 0 {
		m.store.room.Release(m.cost)
		m.store.memos.Release(m.memos.Swap(0))
	}
}

// reserve reserves room. If there isn't enough, it makes some or returns ErrFull. The caller holds no lock.
func (s *Store) reserve(n int64) error {
	err := s.room.Reserve(n)
	if err == nil || !s.evicts || !s.room.Fits(n) {
		return s.full(err)
	}
	s.evicting.Lock() // the others wait, and find the room that is made here
	defer s.evicting.Unlock()
	for {
		if err = s.room.Reserve(n); err == nil {
			return nil
		}
		before := s.room.Used()
		if s.evict(n+before/64) == 0 { // a little more, so that not every message looks for the oldest one
			return s.full(err)
		}
	}
}

func (s *Store) full(err error) error {
	if err == nil {
		return nil
	}
	if s.onFull != nil {
		s.onFull()
	}
	return fmt.Errorf("%w: %w", store.ErrFull, err)
}

// evict removes the oldest mail of the largest account that has some to remove, until about n bytes are free. It
// returns how many messages it removed.
func (s *Store) evict(n int64) (removed int) {
	for _, a := range s.largest() {
		if removed = a.evict(n); removed > 0 {
			return removed
		}
	}
	return 0
}

// largest returns the accounts that have mail, the largest first.
func (s *Store) largest() []*account {
	type sized struct {
		*account
		held int64
	}
	var list []sized
	s.mu.RLock()
	for _, a := range s.accounts {
		if held := a.held.Load(); held > 0 {
			list = append(list, sized{a, held})
		}
	}
	s.mu.RUnlock()
	slices.SortFunc(list, func(x, y sized) int { return cmp.Or(cmp.Compare(y.held, x.held), cmp.Compare(x.address, y.address)) })
	out := make([]*account, len(list))
	for i := range list {
		out[i] = list[i].account
	}
	return out
}

// evict removes the account's oldest mail. A maildrop that a POP3 session has locked stays as it is (RFC 1939 section
// 4): the lock can't be taken while evict is at work.
func (a *account) evict(n int64) (removed int) {
	a.drop.mu.Lock()
	defer a.drop.mu.Unlock()
	var boxes []*mailbox
	a.mu.RLock()
	for _, f := range a.folders {
		if f.box != a.inbox || a.drop.holder == nil {
			boxes = append(boxes, f.box)
		}
	}
	a.mu.RUnlock()
	chosen := oldest{}
	for _, b := range boxes {
		chosen.lookAt(b, n)
	}
	uids := map[*mailbox][]store.UID{}
	for _, c := range chosen.list {
		uids[c.box] = append(uids[c.box], c.uid)
	}
	for b, list := range uids {
		b.mu.Lock()
		removed += len(b.removeThese(store.Ascending(list)))
		b.mu.Unlock()
	}
	return removed
}

// candidate is an entry that may be evicted.
type candidate struct {
	date time.Time
	box  *mailbox
	uid  store.UID
	cost int64
}

// older says which of two candidates goes first.
func (c *candidate) older(d *candidate) bool {
	if o := c.date.Compare(d.date); o != 0 {
		return o < 0
	}
	return cmp.Or(cmp.Compare(c.box.id, d.box.id), cmp.Compare(c.uid, d.uid)) < 0
}

// oldest gathers the oldest entries that together free a number of bytes. It is a heap with the newest of them on top.
type oldest struct {
	list []candidate
	sum  int64
}

func (o *oldest) lookAt(b *mailbox, n int64) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for i := range b.entries {
		e := &b.entries[i]
		c := candidate{e.Date, b, e.UID, entryCost}
		if o.sum >= n && !c.older(&o.list[0]) {
			continue
		}
		if m, ok := e.Message.(*message); ok && m.refs.Load() == 1 {
			c.cost += m.cost
		}
		heap.Push(o, c)
		for o.sum += c.cost; o.sum-o.list[0].cost >= n; {
			o.sum -= heap.Pop(o).(candidate).cost
		}
	}
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (o *oldest) Len() int           { return len(o.list) }
func (o *oldest) Less(i, j int) bool { return o.list[j].older(&o.list[i]) }
func (o *oldest) Swap(i, j int)      { o.list[i], o.list[j] = o.list[j], o.list[i] }
func (o *oldest) Push(c any)         { o.list = append(o.list, c.(candidate)) }
func (o *oldest) Pop() any {
	last := o.list[len(o.list)-1]
	o.list = o.list[:len(o.list)-1]
	return last
}
