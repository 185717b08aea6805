package state

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Memory implements Store in the memory of this process. It never fails, and costs nothing until something is written.
type Memory struct {
	now      func() time.Time
	watchers Watchers

	mu      sync.Mutex
	records map[string]map[string]*held // by kind and key
	taken   map[string]uint64
	version Version
}

var _ Store = (*Memory)(nil)

// held is a record in memory. It never changes: a change makes a new one.
type held struct {
	Record
	lease time.Time // when the claim ends; zero: nobody has claimed it
}

// NewMemory returns an empty Memory. now may be nil, for time.Now.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{now: now, records: map[string]map[string]*held{}, taken: map[string]uint64{}}
}

func (r *held) copy() Record {
	c := r.Record
	c.Data = bytes.Clone(c.Data)
	return c
}

// Get implements Store.
func (m *Memory) Get(ctx context.Context, kind, key string) (Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	if r := m.records[kind][key]; r != nil {
		return r.copy(), nil
	}
	return Record{}, ErrNone
}

// List implements Store.
func (m *Memory) List(ctx context.Context, kind, after string, most int) (list []Record, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(m.records[kind])), func(key string) bool { return strings.Compare(key, after) <= 0 })
	for _, key := range keys[:max(0, min(most, len(keys)))] {
		list = append(list, m.records[kind][key].copy())
	}
	return list, ctx.Err()
}

// Count implements Store.
func (m *Memory) Count(ctx context.Context, kind string) (records int, size int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.records[kind] {
		records, size = records+1, size+int64(len(r.Data))
	}
	return records, size, ctx.Err()
}

// Apply implements Store.
func (m *Memory) Apply(ctx context.Context, changes ...Change) (Version, error) {
	if err := CheckAll(changes); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	version := m.version + 1
	kinds := map[string]map[string]*held{} // what the changes touch, as it would be
	for i := range changes {
		c := &changes[i]
		if kinds[c.Kind] == nil {
			kinds[c.Kind] = maps.Clone(m.records[c.Kind])
		}
		if kinds[c.Kind] == nil || c.All {
			kinds[c.Kind] = map[string]*held{}
		}
		if !c.make(kinds[c.Kind], version) {
			return 0, ErrConflict
		}
	}
	m.version = version
	for kind, records := range kinds {
		m.records[kind] = records
		m.watchers.Tell(kind)
	}
	return version, nil
}

// make makes the change to records of its kind, or reports that its condition doesn't hold.
func (c *Change) make(records map[string]*held, version Version) bool {
	now := records[c.Key]
	switch {
	case c.All:
		return true
	case c.If == Absent && now != nil, c.If > 0 && (now == nil || now.Version != c.If):
		return false
	case c.Remove:
		delete(records, c.Key)
		return true
	}
	records[c.Key] = &held{Record: Record{Kind: c.Kind, Key: c.Key, Data: bytes.Clone(c.Data), Due: c.Due.Truncate(time.Microsecond), Version: version}}
	return true
}

// Claim implements Store.
func (m *Memory) Claim(ctx context.Context, kind string, most int, lease time.Duration) (due []Record, wait time.Duration, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	now := m.now()
	var free []*held
	for _, r := range m.records[kind] {
		if !r.Due.IsZero() && !r.free().After(now) {
			free = append(free, r)
		}
	}
	slices.SortFunc(free, func(a, b *held) int { return cmp.Or(a.Due.Compare(b.Due), strings.Compare(a.Key, b.Key)) })
	m.version++
	for _, r := range free[:max(0, min(most, len(free)))] {
		claimed := *r
		claimed.lease, claimed.Version = now.Add(lease), m.version
		m.records[kind][r.Key] = &claimed
		due = append(due, claimed.copy())
	}
	wait = -1
	for _, r := range m.records[kind] {
		if left := max(0, r.free().Sub(now)); !r.Due.IsZero() && (wait < 0 || left < wait) {
			wait = left
		}
	}
	return due, wait, nil
}

// free returns when the record can be claimed.
func (r *held) free() time.Time {
	if r.lease.After(r.Due) {
		return r.lease
	}
	return r.Due
}

// Take implements Store.
func (m *Memory) Take(ctx context.Context, name string, n int) (first uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	first = m.taken[name] + 1
	m.taken[name] += uint64(max(0, n))
	return first, nil
}

// Watch implements Store.
func (m *Memory) Watch(ctx context.Context, kind string) (Watch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return m.watchers.Add(kind), nil
}
