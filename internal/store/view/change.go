package view

import (
	"context"

	"github.com/mailrig/mailrig/internal/store"
)

// Store changes flags of the given messages (RFC 9051 section 6.4.6) and returns those that exist, with their current
// flags. This view's Sync doesn't report these changes, unless another session had changed the same message and that is
// still unreported. Other views report them. \Recent is ignored. It returns ErrReadOnly.
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
		// Nothing else has happened since the last Sync, so there is nothing to report.
		v.seen = u.ModSeq
		v.own = nil
	}
	return items, nil
}

// Expunge removes messages with \Deleted from the mailbox and returns their UIDs. nil means all, including messages
// that this view hasn't been told about yet (RFC 9051 section 6.4.3). Otherwise it removes only the given ones (section
// 6.4.9); an empty slice means none. The view learns about it from Sync(true). It returns ErrReadOnly.
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

// Copy copies those of the given messages that are in the view and still exist to dest, with flags and date, all or
// none. src and dst are their UIDs here and there. It returns store.ErrNoMailbox if dest has been deleted.
func (v *View) Copy(ctx context.Context, uids []store.UID, dest store.MailboxID) (src, dst []store.UID, err error) {
	return v.store.Copy(ctx, v.box.ID, v.known(uids), dest)
}

// Move is Copy, followed by removing the messages here (RFC 6851). Messages that another session is moving away at this
// moment count as gone. It returns ErrReadOnly or store.ErrNoMailbox.
func (v *View) Move(ctx context.Context, uids []store.UID, dest store.MailboxID) (src, dst []store.UID, err error) {
	if v.readOnly {
		return nil, nil, ErrReadOnly
	}
	return v.store.Move(ctx, v.box.ID, v.known(uids), dest)
}
