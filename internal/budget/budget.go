// Package budget bounds what a server takes in total, so that no client, and no number of clients, can make it take
// more: bytes of memory, and bytes in temporary files.
//
// A Budget is the bound. Each part that holds something on behalf of clients (the store of mail, the transfers that
// aren't finished, the records of sessions, the connections themselves) has a Share of it. It reserves room before it
// holds something and releases the room afterwards. What doesn't fit is refused with ErrFull: that is a temporary
// failure, which each protocol has words for.
//
//	b := budget.New(1 << 30)
//	uploads := b.Share(b.Limit() / 4)
//	if err := uploads.Reserve(n); err != nil { … }
//	defer uploads.Release(n)
//
// Who needs room declares an interface with Reserve and Release, or takes a *Share. A nil *Share has no bound, so
// tests need none. Files is the same for temporary files.
//
// size.go reads and writes sizes such as 512MB. machine.go and descriptors_unix.go know what the machine has.
package budget

import (
	"errors"
	"sync/atomic"
)

// ErrFull says that there is no room. It is temporary.
var ErrFull = errors.New("the bound on memory is reached")

// Budget is a number of bytes that several parts of a program share. Any goroutine may call its methods.
type Budget struct {
	limit int64
	used  atomic.Int64
}

// New returns a budget of limit bytes. 0 or less means that there is no limit.
func New(limit int64) *Budget { return &Budget{limit: max(limit, 0)} }

// Limit returns the number of bytes that may be reserved in total. 0 means that there is no limit.
func (b *Budget) Limit() int64 { return b.limit }

// Used returns how many bytes are reserved.
func (b *Budget) Used() int64 { return b.used.Load() }

// Share returns a part of the budget that may reserve at most this many bytes. 0 means as many as there are.
func (b *Budget) Share(most int64) *Share { return &Share{of: b, most: max(most, 0)} }

// Share is one part's share of a Budget. A nil *Share has no bound. Any goroutine may call its methods.
type Share struct {
	of   *Budget
	most int64
	used atomic.Int64
}

// Reserve reserves n bytes. If there is no room for all of them, it reserves nothing and returns ErrFull.
func (s *Share) Reserve(n int64) error {
	if s == nil || n <= 0 {
		return nil
	}
	if !take(&s.used, n, s.most) {
		return ErrFull
	}
	if !take(&s.of.used, n, s.of.limit) {
		s.used.Add(-n)
		return ErrFull
	}
	return nil
}

// take adds n to a counter that has a limit. Several callers at the limit may all be refused although one of them would
// have fitted; nobody is ever let in too much.
func take(used *atomic.Int64, n, limit int64) bool {
	if limit == 0 {
		used.Add(n)
		return true
	}
	if n > limit || used.Load() > limit-n { // looking first keeps the refused ones out of each other's way
		return false
	}
	if used.Add(n) > limit {
		used.Add(-n)
		return false
	}
	return true
}

// Take reserves n bytes even if there is no room. It is for what can't be refused and is small, or is about to be
// released again.
func (s *Share) Take(n int64) {
	if s == nil {
		return
	}
	s.used.Add(n)
	s.of.used.Add(n)
}

// Release gives n reserved bytes back.
func (s *Share) Release(n int64) { s.Take(-n) }

// Used returns how many bytes this share has reserved.
func (s *Share) Used() int64 {
	if s == nil {
		return 0
	}
	return s.used.Load()
}

// Fits reports whether n bytes could be reserved if the share and the budget were empty. It tells what is too large for
// ever from what is too large at present.
func (s *Share) Fits(n int64) bool {
	if s == nil {
		return true
	}
	return (s.most == 0 || n <= s.most) && (s.of.limit == 0 || n <= s.of.limit)
}

// ReserveAlone is Reserve for what may be larger than the share: it lets it in if nothing else is reserved there. A few
// callers at the same moment may all be alone.
func (s *Share) ReserveAlone(n int64) error {
	err := s.Reserve(n)
	if err != nil && s.Used() == 0 {
		s.Take(n)
		return nil
	}
	return err
}
