package view

import (
	"context"

	"github.com/mailrig/mailrig/internal/store"
)

// Store changes flags of the given messages (RFC 9051 section 6.4.6) and returns those
// that exist, with their flags now. This view's Sync doesn't report what it stored, unless
// another session had changed the same message unreported; others' do. \Recent is
// ignored. ErrReadOnly.
func (v *View) Store(ctx context.Context, uids []store.UID, op store.Op, flags []string) ([]Item, error) {
	if v.readOnly {
		return nil, ErrReadOnly
	}
	known := v.known(uids)
	if len(known) == 0 {
		return nil, nil
	}
	u, err := v.store.SetFlags(ctx, v.box.ID, known, op, flags)
	if err = unlessGone(err); err != nil {
		return nil, err
	}
	upToDate := v.seen == u.Before && !u.Learned
	items := make([]Item, len(u.Entries))
	index := 0
	for i := range u.Entries {
		e := &u.Entries[i]
		index, _ = store.FindUID(v.uids, index, e.UID)
		items[i] = v.item(index, &e.Entry)
		if e.ModSeq != e.Was && !upToDate && (e.Was <= v.seen || v.own[e.UID] == e.Was) {
			if v.own == nil {
				v.own = make(map[store.UID]uint64)
			}
			v.own[e.UID] = e.ModSeq
		}
	}
	if upToDate {
		// Nothing but this happened since the last Sync, so there is nothing to tell.
		v.seen = u.ModSeq
		v.own = nil
	}
	return items, nil
}

// Expunge removes messages with \Deleted from the mailbox and returns their UIDs: all
// for nil, those that this view has not been told of yet included (RFC 9051 section
// 6.4.3), else only the given ones (section 6.4.9; an empty slice is none). The view
// learns of it by Sync(true). ErrReadOnly.
func (v *View) Expunge(ctx context.Context, uids []store.UID) ([]store.UID, error) {
	if v.readOnly {
		return nil, ErrReadOnly
	}
	if uids != nil {
		if uids = v.known(uids); len(uids) == 0 {
			return nil, nil
		}
	}
	removed, err := v.store.ExpungeDeleted(ctx, v.box.ID, uids)
	return removed, unlessGone(err)
}

// Copy puts the given messages, as far as they are in the view and still exist, into
// dest too, with flags and date: all or none. src and dst are their UIDs here and there.
// store.ErrNoMailbox if dest was deleted.
func (v *View) Copy(ctx context.Context, uids []store.UID, dest store.MailboxID) (src, dst []store.UID, err error) {
	return v.store.Copy(ctx, v.box.ID, v.known(uids), dest)
}

// Move is Copy, and then removes the messages here (RFC 6851). Messages that another
// session is moving away at this moment count as gone. ErrReadOnly, store.ErrNoMailbox.
func (v *View) Move(ctx context.Context, uids []store.UID, dest store.MailboxID) (src, dst []store.UID, err error) {
	if v.readOnly {
		return nil, nil, ErrReadOnly
	}
	return v.store.Move(ctx, v.box.ID, v.known(uids), dest)
}
