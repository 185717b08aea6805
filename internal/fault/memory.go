package fault

import (
	"container/list"
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

// MaxCounts is how much the counters of a plan hold. Each key with a subject counts as one, and each moment that a rate
// limit remembers counts as one more. One rate limit may remember 100,000 moments. The worst case takes about 30 MB.
const MaxCounts = 1 << 17

// maxSubject limits a key, in bytes. A longer subject is kept as its SHA-256.
const maxSubject = 64

// Memory implements Counters in the memory of this process. It never fails. When it holds too much, it forgets the key
// that hasn't been asked for the longest.
type Memory struct {
	most int
	born time.Time

	mu      sync.Mutex
	whole   map[string]*count // keys without a subject; never forgotten
	parts   map[Key]*list.Element
	recency *list.List // of *count, the most recently used first
	weight  int        // total weight of parts
	held    map[Key]int
}

// count is everything remembered about one key.
type count struct {
	key     Key
	n       int
	first   time.Duration   // times are since the Memory was made
	asked   bool            // first is set
	moments []time.Duration // of a rate limit, oldest first
}

// NewMemory returns counters that hold at most this many keys and moments.
func NewMemory(most int) *Memory {
	return &Memory{most: most, born: time.Now()}
}

// Len returns how many keys and moments are held.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.weight + len(m.whole) + len(m.held)
}

// with lets do read and change the count of a key.
func (m *Memory) with(k Key, do func(c *count)) {
	k = short(k)
	m.mu.Lock()
	defer m.mu.Unlock()
	if k.Subject == "" {
		c := m.whole[k.Rule]
		if c == nil {
			if m.whole == nil {
				m.whole = map[string]*count{}
			}
			c = &count{key: k}
			m.whole[k.Rule] = c
		}
		do(c)
		return
	}
	if m.parts == nil {
		m.parts, m.recency = map[Key]*list.Element{}, list.New()
	}
	e := m.parts[k]
	if e == nil {
		e = m.recency.PushFront(&count{key: k})
		m.parts[k] = e
		m.weight++
	} else {
		m.recency.MoveToFront(e)
	}
	c := e.Value.(*count)
	before := len(c.moments)
	do(c)
	m.weight += len(c.moments) - before
	for m.weight > m.most && m.recency.Back() != e {
		oldest := m.recency.Remove(m.recency.Back()).(*count)
		delete(m.parts, oldest.key)
		m.weight -= 1 + len(oldest.moments)
	}
}

func short(k Key) Key {
	if len(k.Subject) > maxSubject {
		sum := sha256.Sum256([]byte(k.Subject))
		k.Subject = string(sum[:])
	}
	return k
}

// Add implements Counters.
func (m *Memory) Add(_ context.Context, k Key) (n int, err error) {
	m.with(k, func(c *count) {
		c.n++
		n = c.n
	})
	return n, nil
}

// Count implements Counters. It makes no key, so that what is only asked for takes no room.
func (m *Memory) Count(_ context.Context, k Key) (int, error) {
	k = short(k)
	m.mu.Lock()
	defer m.mu.Unlock()
	if k.Subject == "" {
		if c := m.whole[k.Rule]; c != nil {
			return c.n, nil
		}
		return 0, nil
	}
	if e := m.parts[k]; e != nil {
		m.recency.MoveToFront(e)
		return e.Value.(*count).n, nil
	}
	return 0, nil
}

// Allow implements Counters.
func (m *Memory) Allow(_ context.Context, k Key, limit int, within time.Duration) (ok bool, err error) {
	now := time.Since(m.born)
	m.with(k, func(c *count) {
		for len(c.moments) > 0 && now-c.moments[0] > within {
			c.moments = c.moments[1:]
		}
		if ok = len(c.moments) < limit; ok {
			c.moments = append(c.moments, now)
		}
	})
	return ok, nil
}

// Age implements Counters.
func (m *Memory) Age(_ context.Context, k Key) (age time.Duration, known bool, err error) {
	now := time.Since(m.born)
	m.with(k, func(c *count) {
		if known = c.asked; !known {
			c.first, c.asked = now, true
		}
		age = now - c.first
	})
	return age, known, nil
}

// Hold implements Counters. There are never more held places than connections.
func (m *Memory) Hold(_ context.Context, k Key, places int) (bool, error) {
	k = short(k)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.held[k] >= places {
		return false, nil
	}
	if m.held == nil {
		m.held = map[Key]int{}
	}
	m.held[k]++
	return true, nil
}

// Release implements Counters.
func (m *Memory) Release(_ context.Context, k Key) error {
	k = short(k)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.held[k]--; m.held[k] <= 0 {
		delete(m.held, k)
	}
	return nil
}
