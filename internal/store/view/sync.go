package view

import (
	"context"
	"errors"
	"slices"

	"github.com/mailrig/mailrig/internal/store"
)

// Change is one thing to tell the client, in the order given. Exactly one field is set.
type Change struct {
	// Expunged is a sequence number, counted as in RFC 9051 section 7.5.1: earlier ones in the list have already
	// shifted it.
	Expunged uint32
	// Exists is the new number of messages, if there are new ones.
	Exists uint32
	// Flags is a message that the session knew and whose flags others have changed.
	Flags *Item
	// Keywords says that the mailbox has new keywords. It lists all flags that exist now, including the system flags,
	// as an untagged FLAGS does. It comes before the first Flags that may use a new one.
	Keywords []string
}

// Sync brings the view up to date and returns what to tell the client.
//
// Without expunges (during FETCH, STORE and SEARCH, RFC 9051 section 7.5.1), removed messages keep their numbers until
// the next Sync with expunges. New messages and flags are reported in any case.
func (v *View) Sync(ctx context.Context, expunges bool) ([]Change, error) {
	if v.watch.ModSeq() == v.seen && !(expunges && len(v.gone) > 0) {
		return nil, nil // nearly every NOOP ends here, without a call to the store
	}
	c, err := v.store.Changes(ctx, v.box.ID, v.seen)
	if errors.Is(err, store.ErrNoMailbox) {
		return v.deleted(expunges), nil
	}
	if err != nil {
		return nil, err
	}
	if c.Truncated {
		if c.Expunged, err = v.missing(ctx); err != nil {
			return nil, err
		}
	}
	first, _ := slices.BinarySearchFunc(c.Entries, v.uidNext, func(e store.Entry, uid store.UID) int {
		return int(int64(e.UID) - int64(uid))
	})
	came := c.Entries[first:]
	recentFrom := c.RecentFrom
	if len(came) > 0 {
		if recentFrom, err = v.claim(ctx, recentFrom, c.UIDNext); err != nil {
			return nil, err
		}
	}

	// From here on, nothing can fail.
	changes := v.expunge(c.Expunged, expunges)
	if len(came) > 0 {
		v.takeIn(came, recentFrom)
		changes = append(changes, Change{Exists: v.Len()})
	}
	v.uidNext = c.UIDNext
	if len(c.Keywords) > len(v.keywords) {
		v.keywords = c.Keywords
		changes = append(changes, Change{Keywords: append(store.SystemFlags(), c.Keywords...)})
	}
	changes = v.flagChanges(changes, c.Entries[:first])
	v.seen = c.ModSeq
	v.own = nil
	return changes, nil
}

// deleted is Sync for a mailbox that is gone.
func (v *View) deleted(expunges bool) []Change {
	changes := v.expunge(v.uids, expunges)
	v.seen = v.watch.ModSeq()
	return changes
}

// missing returns the messages of the view that are gone, for a store that doesn't remember them individually. It may
// include one that was removed after Changes was called. The next Sync hears about that one again, which does no harm.
func (v *View) missing(ctx context.Context) ([]store.UID, error) {
	s, err := v.store.Snapshot(ctx, v.box.ID)
	if err = unlessGone(err); err != nil {
		return nil, err
	}
	var gone []store.UID
	i := 0
	for _, uid := range v.uids {
		var found bool
		if i, found = store.FindUID(s.UIDs, i, uid); !found {
			gone = append(gone, uid)
		}
	}
	return gone, nil
}

// takeIn numbers the messages that are new to the view.
func (v *View) takeIn(entries []store.Entry, recentFrom store.UID) {
	for i := range entries {
		uid := entries[i].UID
		v.uids = append(v.uids, uid)
		if uid >= recentFrom {
			v.recent = append(v.recent, uid)
		}
	}
}

// expunge removes messages that are gone from the view, including those that couldn't be reported before. If tell is
// false, it keeps them for later.
func (v *View) expunge(uids []store.UID, tell bool) (changes []Change) {
	if len(uids) > 0 {
		v.gone = store.Ascending(append(slices.Clip(v.gone), uids...))
	}
	if !tell || len(v.gone) == 0 {
		return nil
	}
	kept := make([]store.UID, 0, len(v.uids))
	i := 0
	for _, uid := range v.uids {
		var found bool
		if i, found = store.FindUID(v.gone, i, uid); found {
			changes = append(changes, Change{Expunged: uint32(len(kept) + 1)})
			continue
		}
		kept = append(kept, uid)
	}
	v.uids, v.gone = kept, nil
	v.recent = slices.DeleteFunc(v.recent, func(uid store.UID) bool {
		_, found := slices.BinarySearch(kept, uid)
		return !found
	})
	return changes
}

// flagChanges reports messages that others have changed since the last Sync. It leaves out new messages: the client
// asks for their flags anyway.
func (v *View) flagChanges(changes []Change, entries []store.Entry) []Change {
	index := 0
	for i := range entries {
		e := &entries[i]
		if v.own[e.UID] == e.ModSeq {
			continue
		}
		var found bool
		if index, found = store.FindUID(v.uids, index, e.UID); !found {
			continue
		}
		item := v.item(index, e)
		changes = append(changes, Change{Flags: &item})
	}
	return changes
}
