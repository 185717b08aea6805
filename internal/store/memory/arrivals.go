package memory

import (
	"cmp"
	"context"
	"slices"
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

// Latest implements store.Arrivals. It looks at a span of as many numbers as are asked for, and at wider ones before it
// if entries have been removed from there. So it takes time for each mailbox and for each entry in these spans, not for
// those before.
func (s *Store) Latest(ctx context.Context, account string, after, before uint64, n int) ([]store.Placed, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if last := s.numbers.last.Load(); before == 0 || before > last {
		before = last + 1
	}
	boxes := s.boxesOf(account)
	var out []store.Placed
	for span := uint64(max(n, 1)); len(out) < n && before > after+1; span *= wider {
		from := after
		if before-1-after > span {
			from = before - 1 - span
		}
		some := 0
		for _, b := range boxes {
			some += b.count(from, before)
		}
		found := make([]store.Placed, 0, some)
		for _, b := range boxes {
			found = b.between(found, from, before)
		}
		latestFirst(found)
		if found = found[:min(len(found), n-len(out))]; out == nil {
			out = found
		} else {
			out = append(out, found...)
		}
		before = from + 1
	}
	return out, nil
}

// wider is how many times as wide each span is as the one before.
const wider = 4

// named is a mailbox and the name that it had.
type named struct {
	*mailbox
	name string
}

// boxesOf returns the mailboxes of an account, or of all for "".
func (s *Store) boxesOf(account string) (list []named) {
	for _, a := range s.accountsOf(account) {
		a.mu.RLock()
		for name, f := range a.folders {
			list = append(list, named{f.box, name})
		}
		a.mu.RUnlock()
	}
	return list
}

// between appends the entries whose numbers are above after and below before, in their order.
func (b named) between(list []store.Placed, after, before uint64) []store.Placed {
	box := store.Mailbox{ID: b.id, Account: b.account.address, Name: b.name, UIDValidity: b.uidValidity}
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, e := range b.entries[b.above(after):] {
		if e.Arrival >= before {
			break
		}
		list = append(list, store.Placed{Mailbox: box, Entry: e})
	}
	return list
}

// count counts the entries that between appends.
func (b named) count(after, before uint64) int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.above(before-1) - b.above(after)
}

// above returns the index of the first entry whose number is above n. The caller holds b.mu.
func (b named) above(n uint64) int {
	if k := len(b.entries); k == 0 || b.entries[k-1].Arrival <= n {
		return k
	}
	return sort.Search(len(b.entries), func(i int) bool { return b.entries[i].Arrival > n })
}

// latestFirst sorts entries by their numbers, the highest first. It moves each only once, because they are large.
func latestFirst(list []store.Placed) {
	order := make([]int32, len(list)) // which entry belongs to a place
	for i := range order {
		order[i] = int32(len(order) - 1 - i) // those of one mailbox ascend
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(list[b].Arrival, list[a].Arrival) })
	for i := range list {
		first, to := list[i], int32(i)
		for from := order[to]; from != int32(i); from = order[to] {
			list[to] = list[from]
			to, order[to] = from, to
		}
		list[to], order[to] = first, to
	}
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
