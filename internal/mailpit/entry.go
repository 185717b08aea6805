package mailpit

import (
	"context"
	"time"

	"github.com/mailrig/mailrig/internal/store"
)

// Entry is what one transaction brought, and the state that this API keeps about it.
type Entry struct {
	id      string
	msg     store.Message
	origin  store.Origin
	created time.Time

	// What follows changes. Only the holder of the box may read it.
	read   bool
	tags   []string // sorted; nil until known
	tagged bool
	given  bool           // the tags are a client's
	places []store.Placed // where it is now
	round  uint64         // in which it was last seen
	number int            // among the accepted
}

// ID returns the id that this API gives to the entry: 22 letters and digits.
func (l *Entry) ID() string { return l.id }

// Message returns the message that was brought.
func (l *Entry) Message() store.Message { return l.msg }

// Origin says where the message came from.
func (l *Entry) Origin() store.Origin { return l.origin }

// Created returns when the message came, to the millisecond.
func (l *Entry) Created() time.Time { return l.created }

// With calls do with all entries, the latest first. Nobody else reads or changes entries meanwhile, so do must be quick.
func (h *Handler) With(ctx context.Context, do func(all []*Entry) error) error {
	return h.box.with(ctx, do)
}

// Entry returns the entry with this id, or nil.
func (h *Handler) Entry(ctx context.Context, id string) (found *Entry, err error) {
	err = h.box.with(ctx, func([]*Entry) error {
		found = h.box.byID[id]
		return nil
	})
	return found, err
}

// Remove removes an entry from every mailbox, as DELETE /api/v1/messages does. ok is false if there is none with this id.
func (h *Handler) Remove(ctx context.Context, id string) (ok bool, err error) {
	err = h.box.with(ctx, func([]*Entry) error {
		found := h.box.named([]string{id})
		ok = len(found) > 0
		return h.remove(ctx, found)
	})
	return ok, err
}
