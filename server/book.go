package server

import (
	"slices"
	"sync"
	"time"
)

// maxFindings bounds how many findings are kept; what is as it should be is counted apart,
// so that it never displaces what is wrong.
const maxFindings = 1000

// entry is a finding that has been reported.
type entry struct {
	Finding
	number   uint64    // grows with each report
	reported time.Time // last
	early    bool      // reported while its session was open
}

// book has the findings reported, in the order of their numbers.
type book struct {
	mu          sync.Mutex
	bad, good   []*entry
	last        uint64
	more        chan struct{} // closed with the next report
	generations int           // how often it was emptied
}

func newBook() *book { return &book{more: make(chan struct{})} }

// report adds an entry, or moves one to the end that has grown, with a new number. It does
// nothing when the book has been emptied since.
func (b *book) report(e *entry, generation int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if generation != b.generations {
		return false
	}
	list := b.list(e)
	*list = slices.DeleteFunc(*list, func(x *entry) bool { return x == e })
	if n := len(*list); n >= maxFindings {
		*list = slices.Delete(*list, 0, n-maxFindings+1)
	}
	b.last++
	e.number = b.last
	*list = append(*list, e)
	close(b.more)
	b.more = make(chan struct{})
	return true
}

// grow replaces what an entry says, without a new report.
func (b *book) grow(e *entry, f Finding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e.Finding = f
}

// retract takes an entry back.
func (b *book) retract(e *entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.list(e)
	*list = slices.DeleteFunc(*list, func(x *entry) bool { return x == e })
}

func (b *book) list(e *entry) *[]*entry {
	if e.Severity == Good {
		return &b.good
	}
	return &b.bad
}

// since returns the findings with larger numbers than n that fit, the largest number of
// all, and a channel that is closed with the next report.
func (b *book) since(n uint64, fits func(*Finding) bool) (found []Finding, last uint64, more <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > b.last {
		n = 0 // the number is of an earlier run
	}
	var hits []*entry
	for _, list := range [][]*entry{b.bad, b.good} {
		for _, e := range list {
			if e.number > n && fits(&e.Finding) {
				hits = append(hits, e)
			}
		}
	}
	slices.SortFunc(hits, func(a, b *entry) int { return int(a.number) - int(b.number) })
	for _, e := range hits {
		found = append(found, e.Finding)
	}
	return found, b.last, b.more
}

// empty forgets everything. do is done meanwhile, so that nobody reports what it forgets.
func (b *book) empty(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	do()
	b.bad, b.good = nil, nil
	b.generations++
}

// generation tells how often the book was emptied; do is done in one with it.
func (b *book) generation(do func()) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	do()
	return b.generations
}
