package mailbox

import "slices"

// Change is one thing that a client is to be told, in the order given. Exactly one
// field is set.
type Change struct {
	// Expunged is a sequence number, counted as RFC 9051 section 7.5.1 does: those
	// before it in the list have moved it already.
	Expunged uint32
	// Exists is the new number of messages, when there are new ones.
	Exists uint32
	// Flags is a message the session knew, whose flags were changed by others.
	Flags *Item
	// Keywords says that the mailbox has new keywords. It lists all flags that exist
	// now, the system flags too, as an untagged FLAGS does, and comes before the first
	// Flags that could use one.
	Keywords []string
}

// Changed returns a channel of capacity one that holds a token when Sync(true) may
// return something. A token may turn out to be stale; none is ever missing.
func (v *View) Changed() <-chan struct{} { return v.changed }

// Sync brings the view up to date and says what the client is to be told.
//
// Without expunges (during FETCH, STORE and SEARCH, RFC 9051 section 7.5.1) removed
// messages keep their numbers until a Sync with; new messages and flags are told.
//
// There is no queue per session: the mailbox remembers when it last changed, and a
// view compares. A session that never asks costs nothing, however much happens.
func (v *View) Sync(expunges bool) []Change {
	b := v.box
	if b.modSeq.Load() == v.seen && !(expunges && v.unsaid) {
		return nil // nearly every NOOP ends here, without a lock
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.modSeq.Load()
	var changes []Change
	if b.lastExpunge > v.expunged {
		if expunges {
			changes = v.drop(changes)
			v.expunged = now
		}
		v.unsaid = !expunges
	}
	old := v.uidNext
	if v.takeIn() {
		changes = append(changes, Change{Exists: v.Len()})
	}
	if len(b.keywords) > v.keywords {
		v.keywords = len(b.keywords)
		changes = append(changes, Change{Keywords: b.allFlags()})
	}
	if b.lastFlags > v.seen {
		changes = v.flagChanges(changes, old)
	}
	v.seen = now
	v.own = nil
	return changes
}

// takeIn numbers the messages that are new to the view and tells whether there were
// any. It wants the mailbox's mu held.
func (v *View) takeIn() bool {
	b := v.box
	if v.uidNext == b.uidNext {
		return false
	}
	first, _ := findEntry(b.entries, 0, v.uidNext)
	for i := first; i < len(b.entries); i++ {
		uid := b.entries[i].UID
		v.uids = append(v.uids, uid)
		if uid >= b.recentFrom {
			v.recent = append(v.recent, uid)
		}
	}
	v.uidNext = b.uidNext
	if !v.readOnly {
		b.recentFrom = b.uidNext
	}
	return first < len(b.entries)
}

// drop takes the messages that are gone out of the view. It wants the mailbox's mu held.
func (v *View) drop(changes []Change) []Change {
	kept := make([]UID, 0, len(v.uids))
	j := 0
	for _, uid := range v.uids {
		var found bool
		if j, found = findEntry(v.box.entries, j, uid); found {
			kept = append(kept, uid)
			j++
			continue
		}
		changes = append(changes, Change{Expunged: uint32(len(kept) + 1)})
	}
	v.uids = kept
	v.recent = slices.DeleteFunc(v.recent, func(uid UID) bool {
		_, found := slices.BinarySearch(kept, uid)
		return !found
	})
	return changes
}

// flagChanges reports messages below limit that others changed since the last Sync.
// From there on they are new, and the client asks for their flags anyway. It wants the
// mailbox's mu held.
func (v *View) flagChanges(changes []Change, limit UID) []Change {
	seq := 0
	for i := range v.box.entries {
		e := &v.box.entries[i]
		if e.UID >= limit {
			break
		}
		if e.ModSeq <= v.seen || v.own[e.UID] == e.ModSeq {
			continue
		}
		var found bool
		if seq, found = findUID(v.uids, seq, e.UID); !found {
			continue
		}
		item := v.item(seq, e)
		changes = append(changes, Change{Flags: &item})
	}
	return changes
}
