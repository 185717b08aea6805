package mailbox

import (
	"crypto/rand"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Message is one message, immutable. Any number of mailboxes may hold it.
type Message struct {
	*delivered         // nil: the message is made up when somebody looks at it
	source     *source // by this
	number     int     // of the source's
}

// delivered is a message that came from somewhere.
type delivered struct {
	id       string
	raw      []byte
	received time.Time
	envelope Envelope
	memo     memo
}

// NewMessage makes a message of raw, which is the message's own from now on: the
// caller must not change it any more.
func NewMessage(raw []byte, received time.Time, env Envelope) *Message {
	return &Message{delivered: &delivered{
		// 80 random bits: unique without a process-wide counter, and not to be
		// guessed from another message's.
		id:       strings.ToLower(rand.Text()[:16]),
		raw:      raw,
		received: received,
		envelope: env,
	}}
}

// Raw returns the message's bytes, not to be changed by the caller.
func (m *Message) Raw() []byte {
	if m.delivered == nil {
		return m.source.get(m.number).raw
	}
	return m.raw
}

// Size returns the number of bytes (RFC822.SIZE).
func (m *Message) Size() int64 {
	if m.delivered == nil {
		return int64(m.source.size)
	}
	return int64(len(m.raw))
}

// Received returns when the message arrived.
func (m *Message) Received() time.Time {
	if m.delivered == nil {
		return m.source.received(m.number)
	}
	return m.received
}

// Envelope returns what SMTP said of the message. Its slice is not to be changed.
func (m *Message) Envelope() Envelope {
	if m.delivered == nil {
		return Envelope{}
	}
	return m.envelope
}

// ID returns a short, URL-safe name, unique in the process. Copies of a message
// in several mailboxes are the same Message and share it.
func (m *Message) ID() string {
	if m.delivered == nil {
		return m.source.id + "-" + strconv.Itoa(m.number)
	}
	return m.id
}

// Memo returns what make returned the first time Memo was called with this key,
// so that an adapter parses a message once. It is safe for concurrent use: others
// wait for the first make. make may call Memo with another key, not with its own.
// If make panics, so does every call with this key.
func (m *Message) Memo(key string, make func() any) any {
	if m.delivered == nil {
		return m.source.get(m.number).memo.get(key, make)()
	}
	return m.memo.get(key, make)()
}

type memo struct {
	mu     sync.Mutex
	values map[string]func() any
}

// get doesn't call anything itself, so the lock is never held while an adapter parses.
func (c *memo) get(key string, f func() any) func() any {
	c.mu.Lock()
	defer c.mu.Unlock()
	once, ok := c.values[key]
	if !ok {
		if c.values == nil {
			c.values = make(map[string]func() any)
		}
		once = sync.OnceValue(f)
		c.values[key] = once
	}
	return once
}
