// Package view is IMAP's numbering of a mailbox: which messages a session knows, and so their sequence numbers (RFC
// 9051 section 2.3.1.2). It works on top of any store.Store and depends on none. Package imapd opens a view when a
// client selects a mailbox.
//
// A view changes only in Sync, which asks the store what has changed since the last time and returns what to tell the
// client. Messages whose removal can't be reported yet (EXPUNGE during FETCH, STORE and SEARCH, section 7.5.1) keep
// their numbers. An error of the store leaves the view as it was: nothing is lost, and the next Sync reports it.
package view

import (
	"context"
	"errors"
	"slices"

	"github.com/mailrig/mailrig/internal/store"
)

// ErrReadOnly is returned by a view that may not change anything (EXAMINE).
var ErrReadOnly = errors.New("mailbox is open read-only")

// View is one session's view of one mailbox. Only one goroutine at a time may call its methods. Another goroutine may
// wait on Changed's channel.
//
// If the mailbox is deleted while a view of it is open, the view looks as if all messages had been expunged.
type View struct {
	store    store.Messages
	box      store.Mailbox
	readOnly bool
	watch    store.Watch
	opened   store.Snapshot // without UIDs

	uids    []store.UID // by sequence number; handed out, so only appended to or replaced
	recent  []store.UID // those of uids that are \Recent in this view
	uidNext store.UID   // the mailbox's when the view last took in new messages

	seen     uint64      // the mailbox's mod-sequence at the last Sync
	gone     []store.UID // removed messages that the client hasn't been told about; ascending
	keywords []string    // the mailbox's, as far as the session has been told

	// own holds the mod-sequences of flag changes that this view has stored since seen, on messages that nobody else
	// had changed since.
	own map[store.UID]uint64
}

// Item is one message in a View.
type Item struct {
	*store.Entry        // belongs to the item
	Seq          uint32 // its sequence number
	Recent       bool   // show it as \Recent, which isn't among Flags
}

// Open makes a view, as SELECT does, or read-only, as EXAMINE does. A read-write view takes \Recent away from the
// messages for every later view (RFC 3501 section 2.3.2). ctx applies only to this call. The caller must close the
// view.
func Open(ctx context.Context, st store.Store, box store.Mailbox, readOnly bool) (*View, error) {
	watch, err := st.Watch(ctx, box.ID) // before looking, or a token could be missed
	if err != nil {
		return nil, err
	}
	v := &View{store: st, box: box, readOnly: readOnly, watch: watch}
	if err := v.open(ctx); err != nil {
		watch.Close()
		return nil, err
	}
	return v, nil
}

func (v *View) open(ctx context.Context) error {
	s, err := v.store.Snapshot(ctx, v.box.ID)
	if err != nil {
		return err
	}
	from, err := v.claim(ctx, s.RecentFrom, s.UIDNext)
	if err != nil {
		return err
	}
	first, _ := store.FindUID(s.UIDs, 0, from)
	v.recent = slices.Clone(s.UIDs[first:])
	v.uids, v.uidNext, v.seen, v.keywords = s.UIDs, s.UIDNext, s.HighestModSeq, s.Keywords
	s.UIDs = nil
	v.opened = s
	return nil
}

// claim returns the UID from which on messages below next are \Recent in this view. If the store says from >= next,
// there are none to take.
func (v *View) claim(ctx context.Context, from, next store.UID) (store.UID, error) {
	if v.readOnly || from >= next {
		return from, nil
	}
	return v.store.ClaimRecent(ctx, v.box.ID, next)
}

// Close ends the view. No more tokens come. It may be called more than once.
func (v *View) Close() { v.watch.Close() }

// Changed returns a channel of capacity one that holds a token when Sync(true) may return something. A token may be
// stale. No change goes without one.
func (v *View) Changed() <-chan struct{} { return v.watch.Changed() }

// ReadOnly reports whether the view refuses all changes.
func (v *View) ReadOnly() bool { return v.readOnly }

// Mailbox returns the mailbox that this is a view of.
func (v *View) Mailbox() store.Mailbox { return v.box }

// Opened returns the mailbox's status when the view was opened.
func (v *View) Opened() store.Status { return v.opened.Status }

// Len returns the number of messages in this view.
func (v *View) Len() uint32 { return uint32(len(v.uids)) }

// UID returns the UID of the message with this sequence number. Numbers start at 1.
func (v *View) UID(seq uint32) (store.UID, bool) {
	if seq < 1 || seq > v.Len() {
		return 0, false
	}
	return v.uids[seq-1], true
}

// Seq returns the sequence number of a message.
func (v *View) Seq(uid store.UID) (uint32, bool) {
	i, found := slices.BinarySearch(v.uids, uid)
	if !found {
		return 0, false
	}
	return uint32(i + 1), true
}

// UIDs returns the UIDs of all messages by sequence number. The caller must not change them.
func (v *View) UIDs() []store.UID { return slices.Clip(v.uids) }

// Recent returns how many messages are \Recent in this view.
func (v *View) Recent() uint32 { return uint32(len(v.recent)) }

// FirstUnseen returns the sequence number of the first message that had no \Seen when the view was opened, or 0.
func (v *View) FirstUnseen() uint32 {
	seq, _ := v.Seq(v.opened.FirstUnseen)
	return seq
}

// Keywords returns all keywords that the view knows. The caller must not change them.
func (v *View) Keywords() []string { return v.keywords }

// All returns all messages of the view that still exist, in its order.
func (v *View) All(ctx context.Context) ([]Item, error) { return v.Items(ctx, v.uids) }

// Items returns those of the given messages that are in the view and still exist, in the view's order, with their
// current flags.
func (v *View) Items(ctx context.Context, uids []store.UID) ([]Item, error) {
	known := v.known(uids)
	if len(known) == 0 {
		return nil, nil
	}
	entries, err := v.store.Entries(ctx, v.box.ID, known)
	if err = unlessGone(err); err != nil {
		return nil, err
	}
	items := make([]Item, len(entries))
	index := 0
	for i := range entries {
		index, _ = store.FindUID(v.uids, index, entries[i].UID)
		items[i] = v.item(index, &entries[i])
	}
	return items, nil
}

func (v *View) item(index int, e *store.Entry) Item {
	_, recent := slices.BinarySearch(v.recent, e.UID)
	return Item{Entry: e, Seq: uint32(index + 1), Recent: recent}
}

// unlessGone replaces the error for a deleted mailbox by nil, because to a view it means "no messages".
func unlessGone(err error) error {
	if errors.Is(err, store.ErrNoMailbox) {
		return nil
	}
	return err
}

// known returns those of uids that are in the view, in its order. It never returns nil.
func (v *View) known(uids []store.UID) []store.UID {
	if len(uids) > 0 && len(uids) == len(v.uids) && &uids[0] == &v.uids[0] {
		return uids
	}
	known := make([]store.UID, 0, len(uids))
	i := 0
	for _, uid := range store.Ascending(uids) {
		var found bool
		if i, found = store.FindUID(v.uids, i, uid); found {
			known = append(known, uid)
		}
	}
	return known
}
