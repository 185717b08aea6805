package mailbox

import (
	"slices"
)

// View is one session's view of one mailbox: which messages the session knows of, and
// thereby their sequence numbers. It changes only by Sync. Methods may be called by one
// goroutine at a time; Changed's channel may be waited on by another.
type View struct {
	box      *Mailbox
	readOnly bool
	changed  chan struct{}

	uids    []UID // by sequence number; handed out, so only appended to or replaced
	recent  []UID // those of uids that are \Recent here
	uidNext UID   // the mailbox's when new messages were taken in last

	seen     uint64 // the mailbox's mod-sequence at the last Sync
	expunged uint64 // and at the last Sync that told of removed messages
	unsaid   bool   // there are removed messages that the last Sync might not tell of
	keywords int    // how many of the mailbox's keywords the session was told of

	// own has the mod-sequences of changes of flags that this view stored itself
	// since seen, on messages that nobody else had changed since.
	own map[UID]uint64
}

// Item is one message in a View.
type Item struct {
	Seq uint32
	Entry
	Recent bool // to be shown as \Recent, which is not among Flags
}

// Open makes a view, as SELECT or, read-only, EXAMINE does. A read-write view takes
// \Recent from the messages for every later one (RFC 3501 section 2.3.2). Close it.
func (b *Mailbox) Open(readOnly bool) *View {
	v := &View{box: b, readOnly: readOnly, changed: make(chan struct{}, 1)}
	b.mu.Lock()
	defer b.mu.Unlock()
	v.takeIn()
	v.seen = b.modSeq.Load()
	v.expunged = v.seen
	v.keywords = len(b.keywords)
	if b.views == nil {
		b.views = make(map[*View]struct{})
	}
	b.views[v] = struct{}{}
	return v
}

// Close ends the view: there are no more tokens. It may be called more than once.
func (v *View) Close() {
	v.box.mu.Lock()
	defer v.box.mu.Unlock()
	delete(v.box.views, v)
}

// ReadOnly tells whether the view refuses to change anything.
func (v *View) ReadOnly() bool { return v.readOnly }

// Mailbox returns what this is a view of.
func (v *View) Mailbox() *Mailbox { return v.box }

// Len returns the number of messages in this view.
func (v *View) Len() uint32 { return uint32(len(v.uids)) }

// UID returns the UID of the message with that sequence number, from 1.
func (v *View) UID(seq uint32) (UID, bool) {
	if seq < 1 || seq > v.Len() {
		return 0, false
	}
	return v.uids[seq-1], true
}

// Seq returns the sequence number of a message.
func (v *View) Seq(uid UID) (uint32, bool) {
	i, found := slices.BinarySearch(v.uids, uid)
	if !found {
		return 0, false
	}
	return uint32(i + 1), true
}

// UIDs returns the UIDs of all messages by sequence number, not to be changed.
func (v *View) UIDs() []UID { return slices.Clip(v.uids) }

// Recent returns how many messages of this view are \Recent in it.
func (v *View) Recent() uint32 { return uint32(len(v.recent)) }

// FirstUnseen returns the sequence number of the first message without \Seen, or 0.
func (v *View) FirstUnseen() uint32 {
	v.box.mu.RLock()
	defer v.box.mu.RUnlock()
	j := 0
	for i, uid := range v.uids {
		var found bool
		if j, found = findEntry(v.box.entries, j, uid); found && !v.box.entries[j].Has(Seen) {
			return uint32(i + 1)
		}
	}
	return 0
}

// All returns all messages of the view that still exist, in its order.
func (v *View) All() []Item { return v.Items(v.uids) }

// Items returns those of the given messages that are in the view and still exist, in
// the view's order, with their flags as they are now.
func (v *View) Items(uids []UID) []Item {
	known := v.known(uids)
	if len(known) == 0 {
		return nil
	}
	items := make([]Item, 0, len(known))
	v.box.mu.RLock()
	defer v.box.mu.RUnlock()
	seq := 0
	v.box.each(known, func(e *Entry) {
		seq, _ = findUID(v.uids, seq, e.UID)
		items = append(items, v.item(seq, e))
	})
	return items
}

func (v *View) item(index int, e *Entry) Item {
	return Item{Seq: uint32(index + 1), Entry: *e, Recent: v.isRecent(e.UID)}
}

func (v *View) isRecent(uid UID) bool {
	_, found := slices.BinarySearch(v.recent, uid)
	return found
}

// known returns those of uids that are in the view, in its order.
func (v *View) known(uids []UID) []UID {
	if len(uids) == len(v.uids) && (len(uids) == 0 || &uids[0] == &v.uids[0]) {
		return uids
	}
	known := make([]UID, 0, len(uids))
	i := 0
	for _, uid := range ascending(uids) {
		var found bool
		if i, found = findUID(v.uids, i, uid); found {
			known = append(known, uid)
		}
	}
	return known
}

// Store changes flags of the given messages (RFC 9051 section 6.4.6) and returns those
// that exist, with their flags now. This view's Sync doesn't report what it stored, unless
// another session had changed the same message unreported; others' do. \Recent is
// ignored. ErrReadOnly.
func (v *View) Store(uids []UID, op Op, flags []string) ([]Item, error) {
	if v.readOnly {
		return nil, ErrReadOnly
	}
	known := v.known(uids)
	items := make([]Item, 0, len(known))
	b := v.box
	b.mu.Lock()
	defer b.mu.Unlock()
	before, keywords := b.modSeq.Load(), len(b.keywords)
	upToDate := v.seen == before
	seq := 0
	b.setFlags(known, op, flags, v, func(was uint64, e *Entry) {
		seq, _ = findUID(v.uids, seq, e.UID)
		items = append(items, v.item(seq, e))
		if e.ModSeq == was || upToDate && len(b.keywords) == keywords {
			return
		}
		if was <= v.seen || v.own[e.UID] == was {
			if v.own == nil {
				v.own = make(map[UID]uint64)
			}
			v.own[e.UID] = e.ModSeq
		}
	})
	if upToDate && len(b.keywords) == keywords {
		// Nothing but this happened since the last Sync, so there is nothing to tell.
		v.seen = b.modSeq.Load()
		v.own = nil
	}
	return items, nil
}

// Expunge removes messages with \Deleted from the mailbox and returns their UIDs: all
// for nil, those that this view has not been told of yet included (RFC 9051 section
// 6.4.3), else only the given ones (section 6.4.9; an empty slice is none). The view
// learns of it by Sync(true). ErrReadOnly.
func (v *View) Expunge(uids []UID) ([]UID, error) {
	if v.readOnly {
		return nil, ErrReadOnly
	}
	all := uids == nil
	known := v.known(uids)
	b := v.box
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.deleted == 0 {
		return nil, nil
	}
	i := 0
	return b.remove(func(e *Entry) bool {
		if !e.Has(Deleted) {
			return false
		}
		if all {
			return true
		}
		var found bool
		i, found = findUID(known, i, e.UID)
		return found
	}), nil
}

// Copy puts the given messages, as far as they are in the view and still exist, into
// dest too, with flags and date: all or none. src and dst are their UIDs here and there.
// ErrNoMailbox if dest was deleted.
func (v *View) Copy(uids []UID, dest *Mailbox) (src, dst []UID, err error) {
	items := v.Items(uids)
	entries := make([]Entry, len(items))
	for i := range items {
		entries[i] = items[i].Entry
	}
	dst, err = dest.addAll(entries)
	if err != nil {
		return nil, nil, err
	}
	return uidsOf(entries), dst, nil
}

// Move is Copy, and then removes the messages here (RFC 6851). Messages that another
// session is moving away at this moment count as gone. ErrReadOnly, ErrNoMailbox.
func (v *View) Move(uids []UID, dest *Mailbox) (src, dst []UID, err error) {
	if v.readOnly {
		return nil, nil, ErrReadOnly
	}
	entries, release := v.box.claim(v.known(uids), false)
	dst, err = dest.addAll(entries)
	release(err == nil)
	if err != nil {
		return nil, nil, err
	}
	return uidsOf(entries), dst, nil
}

func uidsOf(entries []Entry) []UID {
	if len(entries) == 0 {
		return nil
	}
	uids := make([]UID, len(entries))
	for i := range entries {
		uids[i] = entries[i].UID
	}
	return uids
}
