package issuer

import "github.com/mailrig/mailrig/internal/budget"

// thing is what a shelf keeps. bytes is how much memory it takes, roughly, with everything that belongs to it alone.
type thing interface{ bytes() int64 }

// each is how many bytes a thing takes besides its texts: the structs, and the places in a map and a list.
const each = 512

// shelf keeps the latest things, by the hash of their secret: at most so many, and not more than there is room for.
type shelf[V thing] struct {
	most  int
	room  *budget.Share
	items map[hash]V
	order []placed
	// dropped is told what is forgotten. It may be nil.
	dropped func(hash)
}

// placed is a thing's place in the order, and how much memory is reserved for it.
type placed struct {
	hash
	bytes int64
}

func newShelf[V thing](most int, room *budget.Share) shelf[V] {
	return shelf[V]{most: most, room: room, items: map[hash]V{}}
}

// put keeps a thing under a new secret. If there are too many, or there is no room, the oldest go. One thing is kept in any case.
func (s *shelf[V]) put(secret string, v V) hash {
	h := hashOf(secret)
	s.place(h, v)
	return h
}

// place is put for a secret of which only the hash is known.
func (s *shelf[V]) place(h hash, v V) {
	k := placed{h, v.bytes()}
	if len(s.order) >= s.most {
		s.drop()
	}
	for s.room.Reserve(k.bytes) != nil {
		if len(s.order) == 0 {
			s.room.Take(k.bytes)
			break
		}
		s.drop()
	}
	s.items[k.hash] = v
	s.order = append(s.order, k)
}

// drop forgets the oldest thing.
func (s *shelf[V]) drop() {
	oldest := s.order[0]
	s.order = s.order[1:]
	delete(s.items, oldest.hash)
	s.room.Release(oldest.bytes)
	if s.dropped != nil {
		s.dropped(oldest.hash)
	}
}

func (s *shelf[V]) get(secret string) (v V, ok bool) {
	v, ok = s.items[hashOf(secret)]
	return v, ok
}

func (g *grant) bytes() int64 {
	return each + int64(len(g.client)+len(g.user)+len(g.scope)+len(g.audience)+len(g.nonce))
}

func (c *code) bytes() int64  { return c.grant.bytes() + int64(len(c.redirect)+len(c.challenge)) }
func (t *token) bytes() int64 { return t.grant.bytes() + int64(len(t.scope)) }

// bytes counts the grant that a device will have, too.
func (d *device) bytes() int64 { return 2*each + 2*int64(len(d.client)+len(d.scope)) + maxText }

func (c *client) bytes() int64 {
	n := each + int64(len(c.name))
	for _, u := range c.redirects {
		n += int64(len(u))
	}
	return n
}
