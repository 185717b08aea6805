package memory

import (
	"container/heap"
	"context"
	"math"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/mailrig/mailrig/internal/store"
)

// numbers numbers the entries of all mailboxes in the order in which they come.
type numbers struct {
	// giving is held for reading from before an entry gets its number until it can be seen. Whoever holds it for writing
	// knows that no lower number is still to come. It is taken before a mailbox's lock.
	giving sync.RWMutex
	last   atomic.Uint64
}

// next returns the number of a new entry. The caller holds giving for reading.
func (n *numbers) next(m store.Message) uint64 {
	number := n.last.Add(1)
	if m, ok := m.(*message); ok {
		m.first.CompareAndSwap(0, number)
	}
	return number
}

// Arrived implements store.Arrivals.
func (s *Store) Arrived(ctx context.Context) (uint64, error) {
	s.numbers.giving.Lock()
	defer s.numbers.giving.Unlock()
	return s.numbers.last.Load(), ctx.Err()
}

// Removals returns a number that grows whenever entries have been removed from any mailbox, in whatever way. As long as it stays
// the same, everything that Latest has returned is still there.
func (s *Store) Removals() uint64 { return s.removals.Load() }

// OnRemoval makes the store call f, in a goroutine of its own, when entries are removed the next time. It calls it once,
// and forgets the function that was given before. Whoever holds messages can let go of them then.
func (s *Store) OnRemoval(f func()) { s.onRemove.Store(&f) }

// countRemoval notes that entries have been removed.
func (s *Store) countRemoval() {
	s.removals.Add(1)
	if s.onRemove.Load() == nil {
		return
	}
	if f := s.onRemove.Swap(nil); f != nil {
		go (*f)()
	}
}

// Latest implements store.Arrivals. Numbers ascend in each mailbox, so it merges the ends of all mailboxes. It takes
// time for each mailbox and for each entry that it returns, not for those that it doesn't.
func (s *Store) Latest(ctx context.Context, account string, after, before uint64, n int) ([]store.Placed, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if before == 0 {
		before = math.MaxUint64
	}
	var ends ends
	for _, a := range s.accountsOf(account) {
		a.mu.RLock()
		for name, f := range a.folders {
			e := &end{box: f.box, name: name}
			if e.back(after, before) {
				ends = append(ends, e)
			}
		}
		a.mu.RUnlock()
	}
	heap.Init(&ends)
	most := 0 // that there can be
	for _, e := range ends {
		most += e.at + 1
	}
	out := make([]store.Placed, 0, min(n, most))
	for len(out) < n && len(ends) > 0 {
		e := ends[0]
		b := e.box
		out = append(out, store.Placed{
			Mailbox: store.Mailbox{ID: b.id, Account: b.account.address, Name: e.name, UIDValidity: b.uidValidity},
			Entry:   e.entry,
		})
		if e.back(after, e.entry.Arrival) {
			heap.Fix(&ends, 0)
		} else {
			heap.Pop(&ends)
		}
	}
	return out, nil
}

// accountsOf returns the account with this name, if there is one; for "", it returns all.
func (s *Store) accountsOf(name string) (list []*account) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if name != "" {
		if a := s.accounts[s.Address(name)]; a != nil {
			list = append(list, a)
		}
		return list
	}
	for _, a := range s.accounts {
		list = append(list, a)
	}
	return list
}

// end is where Latest is in a mailbox.
type end struct {
	box   *mailbox
	name  string
	entry store.Entry
	at    int // where entry was in the list
}

// back goes to the last entry with a number below before, and reports whether it is above after.
func (e *end) back(after, before uint64) bool {
	b := e.box
	b.mu.RLock()
	defer b.mu.RUnlock()
	i := e.at - 1
	if i < 0 || i >= len(b.entries) || b.entries[i].Arrival >= before || i+1 < len(b.entries) && b.entries[i+1].Arrival < before {
		i = sort.Search(len(b.entries), func(i int) bool { return b.entries[i].Arrival >= before }) - 1
	}
	if i < 0 || b.entries[i].Arrival <= after {
		return false
	}
	e.entry, e.at = b.entries[i], i
	return true
}

// ends is a heap with the highest number on top.
type ends []*end

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (h ends) Len() int           { return len(h) }
func (h ends) Less(i, j int) bool { return h[i].entry.Arrival > h[j].entry.Arrival }
func (h ends) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *ends) Push(x any)        { *h = append(*h, x.(*end)) }
func (h *ends) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
