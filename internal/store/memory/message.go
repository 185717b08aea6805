package memory

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mailrig/mailrig/internal/store"
)

// message implements store.Message.
type message struct {
	id       string
	raw      []byte
	received time.Time
	envelope store.Envelope
	memo     store.Memory
	first    atomic.Uint64 // number of its first entry

	store *Store
	cost  int64        // bytes reserved for it while it is held
	memos atomic.Int64 // bytes reserved for its memos
	refs  atomic.Int32 // entries, and calls that are about to make some
}

// newMessage returns a message that the caller holds. Its cost is already reserved.
func (s *Store) newMessage(raw []byte, received time.Time, env store.Envelope, cost int64) *message {
	// 80 random bits: unique without a process-wide counter, and impossible to guess from another message's id.
	m := &message{id: strings.ToLower(rand.Text()[:16]), raw: raw, received: received, envelope: env, store: s, cost: cost}
	m.refs.Store(1)
	return m
}

// ID implements store.Message.
func (m *message) ID() string { return m.id }

// Size implements store.Blob.
func (m *message) Size() int64 { return int64(len(m.raw)) }

// Bytes implements the method that store.Whole looks for.
func (m *message) Bytes() []byte { return m.raw }

// Open implements store.Blob.
func (m *message) Open(ctx context.Context) (store.Reader, error) {
	return store.Bytes(m.raw).Open(ctx)
}

// Origin implements store.Message.
func (m *message) Origin(context.Context) (store.Origin, error) {
	return store.Origin{Received: m.received, Envelope: m.envelope, Arrival: m.first.Load()}, nil
}

// Digest implements store.Message. It is computed on request.
func (m *message) Digest(context.Context) ([sha256.Size]byte, error) {
	return sha256.Sum256(m.raw), nil
}

// Memo implements the method that store.Memo looks for. If there is no room for memos, nothing is kept.
func (m *message) Memo(key string, make func() any) any {
	return m.MemoSized(key, memoCost(m.Size()), make)
}

// Kept implements the method that store.MemoSized looks for first.
func (m *message) Kept(key string) (value any, ok bool) { return m.memo.Kept(key) }

// MemoSized implements the method that store.MemoSized looks for.
func (m *message) MemoSized(key string, size int64, make func() any) any {
	return m.memo.GetIf(key, make, func() bool {
		if m.refs.Load() == 0 || m.store.memos.Reserve(size) != nil {
			return false
		}
		m.memos.Add(size)
		return true
	})
}
