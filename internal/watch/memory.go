package watch

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/mailrig/mailrig/internal/diagnose"
)

// maxFindings is how many findings Memory keeps. Findings of severity Good are counted apart, so that they never
// displace faults.
const maxFindings = 1000

// Memory is a book in the memory of this process. Its methods fail only with ErrEmptied.
type Memory struct {
	mu         sync.Mutex
	bad, good  []*page // in order of their numbers
	last       uint64  // the latest number
	keys       Key     // the latest key
	generation uint64
	more       chan struct{} // the next report closes it
}

// page is a finding with its key and the number of its latest report.
type page struct {
	Finding
	key    Key
	number uint64
}

// NewMemory returns an empty book.
func NewMemory() *Memory { return &Memory{more: make(chan struct{})} }

// Generation returns how often the book has been emptied.
func (b *Memory) Generation(context.Context) (uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.generation, nil
}

// Add reports a finding.
func (b *Memory) Add(_ context.Context, generation uint64, f Finding) (Key, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if generation != b.generation {
		return 0, ErrEmptied
	}
	b.keys++
	b.report(&page{Finding: f, key: b.keys})
	return b.keys, nil
}

// Grow replaces the text of a finding.
func (b *Memory) Grow(_ context.Context, generation uint64, key Key, f Finding, again bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if generation != b.generation {
		return ErrEmptied
	}
	list := b.list(&f)
	i := slices.IndexFunc(*list, func(p *page) bool { return p.key == key })
	switch {
	case again:
		if i >= 0 {
			*list = slices.Delete(*list, i, i+1)
		}
		b.report(&page{Finding: f, key: key})
	case i >= 0:
		(*list)[i].Finding = f
	}
	return nil
}

// report numbers a page and appends it to its list.
func (b *Memory) report(p *page) {
	list := b.list(&p.Finding)
	if n := len(*list); n >= maxFindings {
		*list = slices.Delete(*list, 0, n-maxFindings+1)
	}
	b.last++
	p.number = b.last
	*list = append(*list, p)
	close(b.more)
	b.more = make(chan struct{})
}

// list returns the list that a finding belongs to. Its severity never changes, because it is its row's.
func (b *Memory) list(f *Finding) *[]*page {
	if f.Severity == diagnose.Good {
		return &b.good
	}
	return &b.bad
}

// Retract removes a finding.
func (b *Memory) Retract(_ context.Context, key Key) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, list := range []*[]*page{&b.bad, &b.good} {
		*list = slices.DeleteFunc(*list, func(p *page) bool { return p.key == key })
	}
	return nil
}

// Since returns the findings with numbers above n.
func (b *Memory) Since(_ context.Context, n uint64) (found []Finding, last uint64, more <-chan struct{}, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > b.last {
		n = 0
	}
	bad, good := after(b.bad, n), after(b.good, n)
	found = make([]Finding, 0, len(bad)+len(good))
	for len(bad)+len(good) > 0 {
		next := &bad
		if len(bad) == 0 || len(good) > 0 && good[0].number < bad[0].number {
			next = &good
		}
		found = append(found, (*next)[0].Finding)
		*next = (*next)[1:]
	}
	return found, b.last, b.more, nil
}

// after returns the part of a list with numbers above n.
func after(list []*page, n uint64) []*page {
	i := slices.IndexFunc(list, func(p *page) bool { return p.number > n })
	if i < 0 {
		return nil
	}
	return list[i:]
}

// Empty removes all findings.
func (b *Memory) Empty(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bad, b.good = nil, nil
	b.generation++
	return nil
}

// restore fills an empty book with pages of before.
func (b *Memory) restore(pages []*page) {
	slices.SortFunc(pages, func(x, y *page) int { return cmp.Compare(x.number, y.number) })
	for _, p := range pages {
		list := b.list(&p.Finding)
		*list = append(*list, p)
		b.last, b.keys = max(b.last, p.number), max(b.keys, p.key)
	}
}

// pages returns all pages, by key.
func (b *Memory) pages() map[Key]keptPage {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make(map[Key]keptPage, len(b.bad)+len(b.good))
	for _, list := range [][]*page{b.bad, b.good} {
		for _, p := range list {
			all[p.key] = keptPage{p.number, p.Finding}
		}
	}
	return all
}
