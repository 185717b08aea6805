package tables

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/mailrig/mailrig/internal/store"
)

// Deliver implements store.Messages.
func (s *Store) Deliver(ctx context.Context, accounts []string, in store.Incoming) (out []store.Delivery, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	i, err := s.take(ctx, &in)
	if err != nil {
		return nil, err
	}
	var addresses []string
	for _, name := range accounts {
		if address := s.Address(name); !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	if len(addresses) == 0 {
		return nil, nil
	}
	err = s.write(ctx, needs{inboxes: addresses, contents: []*incoming{i}}, func(t *tx) error {
		m, err := t.put(ctx, i)
		if err != nil {
			return err
		}
		out = make([]store.Delivery, len(addresses))
		for n, address := range addresses {
			if out[n], err = t.deliver(address, &arriving{message: m, flags: in.Flags, date: i.date}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// deliver puts a message into the INBOX of an account. Keywords beyond the INBOX's bound are ignored.
func (t *tx) deliver(address string, a *arriving) (store.Delivery, error) {
	var none store.Delivery
	const inbox = "SELECT id FROM mailboxes WHERE account = ? AND name = 'INBOX'"
	id, known := t.found.inboxes[address]
	if !known {
		if _, err := t.Get(inbox, []any{address}, &id); err != nil {
			return none, err
		}
	}
	if id == 0 {
		if err := t.account(address); err != nil {
			return none, err
		}
		if _, err := t.Get(inbox, []any{address}, &id); err != nil {
			return none, err
		}
	}
	k, err := loadKeywords(t.Conn, id, a.flags)
	if err != nil {
		return none, err
	}
	taken := *a
	taken.flags = k.learn(a.flags)
	uids, err := t.add(id, []arriving{taken})
	if err != nil {
		return none, err
	}
	return store.Delivery{Account: address, Mailbox: id, UID: uids[0], Message: a.message}, nil
}

// Append implements store.Messages.
func (s *Store) Append(ctx context.Context, id store.MailboxID, messages []store.Incoming) (uids []store.UID, err error) {
	if err := s.exists(ctx, id); err != nil {
		return nil, err
	}
	list := make([]*incoming, len(messages))
	for n := range messages {
		if list[n], err = s.take(ctx, &messages[n]); err != nil {
			return nil, err
		}
	}
	err = s.write(ctx, needs{boxes: []store.MailboxID{id}, contents: list}, func(t *tx) error {
		entries := make([]arriving, len(list))
		for n, i := range list {
			m, err := t.put(ctx, i)
			if err != nil {
				return err
			}
			entries[n] = arriving{message: m, flags: messages[n].Flags, date: i.date, gap: messages[n].Gap}
		}
		uids, err = t.add(id, entries)
		return err
	})
	if err != nil {
		return nil, err
	}
	return uids, nil
}

// exists returns ErrNoMailbox if there is no such mailbox.
func (s *Store) exists(ctx context.Context, id store.MailboxID) error {
	return s.engine.Ask(ctx, func(c Conn) error {
		_, err := loadBox(c, id)
		return err
	})
}

// Status implements store.Messages.
func (s *Store) Status(ctx context.Context, id store.MailboxID) (st store.Status, err error) {
	err = s.engine.Read(ctx, func(c Conn) error {
		b, err := loadBox(c, id)
		if err == nil {
			st, err = b.status(c)
		}
		return err
	})
	return st, err
}

func (b *box) status(c Conn) (store.Status, error) {
	st := store.Status{
		Messages: b.messages, Unseen: b.unseen, Deleted: b.deleted, UIDNext: b.uidNext, UIDValidity: b.validity,
		Size: b.size, HighestModSeq: b.modSeq,
	}
	if b.recentFrom < b.uidNext {
		if _, err := c.Get("SELECT count(*) FROM entries WHERE mailbox = ? AND uid >= ?", []any{int64(b.id), b.recentFrom}, &st.Recent); err != nil {
			return st, err
		}
	}
	k, err := loadKeywords(c, b.id)
	st.Keywords = k.list
	return st, err
}

// Snapshot implements store.Messages.
func (s *Store) Snapshot(ctx context.Context, id store.MailboxID) (out store.Snapshot, err error) {
	err = s.engine.Read(ctx, func(c Conn) error {
		b, err := loadBox(c, id)
		if err != nil {
			return err
		}
		out = store.Snapshot{RecentFrom: b.recentFrom}
		if out.Status, err = b.status(c); err != nil {
			return err
		}
		if out.UIDs, err = column[store.UID](c, "SELECT uid FROM entries WHERE mailbox = ? ORDER BY uid", int64(id)); err != nil || b.unseen == 0 {
			return err
		}
		_, err = c.Get("SELECT uid FROM entries WHERE mailbox = ? AND flags & ? = 0 ORDER BY uid LIMIT 1", []any{int64(id), bit(store.Seen)}, &out.FirstUnseen)
		return err
	})
	return out, err
}

// Entries implements store.Messages.
func (s *Store) Entries(ctx context.Context, id store.MailboxID, uids []store.UID) (list []store.Entry, err error) {
	err = s.engine.Read(ctx, func(c Conn) error {
		if _, err := loadBox(c, id); err != nil {
			return err
		}
		list, err = entriesOf(c, s, id, store.Ascending(uids))
		return err
	})
	return list, err
}

// Changes implements store.Messages.
func (s *Store) Changes(ctx context.Context, id store.MailboxID, since uint64) (out store.Changes, err error) {
	err = s.engine.Read(ctx, func(c Conn) error {
		b, err := loadBox(c, id)
		if err != nil {
			return err
		}
		out = store.Changes{ModSeq: b.modSeq, UIDNext: b.uidNext, RecentFrom: b.recentFrom, Truncated: b.forgotten > since}
		if b.modSeq <= since {
			return nil
		}
		if !out.Truncated {
			if out.Expunged, err = column[store.UID](c, "SELECT uid FROM removed WHERE mailbox = ? AND modseq > ? ORDER BY uid", int64(id), int64(since)); err != nil {
				return err
			}
		}
		if b.lastKeyword > since {
			k, err := loadKeywords(c, id)
			if err != nil {
				return err
			}
			out.Keywords = k.list
		}
		out.Entries, err = s.changed(c, b, since)
		return err
	})
	return out, err
}

// firstPage is how many entries changed reads at first.
const firstPage = 32

// changed returns the entries that have come or changed since a mod-sequence. Those that have come are the last ones, so it
// reads backwards, more and more at a time.
func (s *Store) changed(c Conn, b *box, since uint64) (list []store.Entry, err error) {
	for n, below, older := firstPage, int64(b.uidNext), false; !older; n *= 2 {
		rows := 0
		err := c.Each("SELECT added, "+columns+" FROM entries WHERE mailbox = ? AND uid < ? ORDER BY uid DESC LIMIT ?", []any{int64(b.id), below, n}, func(r Rows) error {
			var added uint64
			e, err := s.scan(r, &added)
			rows, below = rows+1, int64(e.UID)
			if older = older || added <= since; !older {
				list = append(list, e)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		older = older || rows < n
	}
	if b.lastFlags > since {
		err := c.Each("SELECT "+columns+" FROM entries WHERE mailbox = ? AND modseq > ? AND modseq > added AND added <= ?", []any{int64(b.id), int64(since), int64(since)}, func(rows Rows) error {
			e, err := s.scan(rows)
			list = append(list, e)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(list, func(x, y store.Entry) int { return cmp.Compare(x.UID, y.UID) })
	return list, nil
}

// SetFlags implements store.Messages.
func (s *Store) SetFlags(ctx context.Context, id store.MailboxID, uids []store.UID, op store.Op, flags []string) (out store.Update, err error) {
	uids = store.Ascending(these(uids))
	err = s.write(ctx, needs{boxes: []store.MailboxID{id}}, func(t *tx) error {
		b, err := t.box(id)
		if err == nil {
			out, err = t.setFlags(b, uids, op, flags)
		}
		return err
	})
	if err != nil {
		return store.Update{}, err
	}
	return out, nil
}

func (t *tx) setFlags(b *box, uids []store.UID, op store.Op, list []string) (store.Update, error) {
	out := store.Update{Before: b.modSeq, ModSeq: b.modSeq}
	k, err := loadKeywords(t.Conn, b.id, list)
	if err != nil {
		return out, err
	}
	if op != store.Remove {
		if err := k.check(list); err != nil {
			return out, err
		}
	}
	entries, err := entriesOf(t.Conn, t.store, b.id, uids)
	if err != nil || len(entries) == 0 {
		return out, err // without a message there is no new keyword
	}
	flags := k.known(list)
	if op != store.Remove {
		flags = k.learn(list)
	}
	modSeq := b.modSeq + 1
	out.Learned = len(k.list) > k.saved
	for i := range entries {
		e := &entries[i]
		was := e.ModSeq
		if result := op.Apply(e.Flags, flags); !slices.Equal(e.Flags, result) {
			b.countFlags(e.Flags, -1)
			b.countFlags(result, 1)
			e.Flags, e.ModSeq, out.ModSeq = result, modSeq, modSeq
			bits, words := pack(result)
			if err := t.Exec("UPDATE entries SET flags = ?, keywords = ?, modseq = ? WHERE mailbox = ? AND uid = ?", bits, words, int64(modSeq), int64(b.id), e.UID); err != nil {
				return out, err
			}
		}
		out.Entries = append(out.Entries, store.Updated{Entry: *e, Was: was})
	}
	if out.ModSeq > out.Before {
		b.modSeq, b.lastFlags = modSeq, modSeq
		t.changed(b.id, modSeq)
	}
	return out, t.saveKeywords(b, k, modSeq)
}

// ClaimRecent implements store.Messages.
func (s *Store) ClaimRecent(ctx context.Context, id store.MailboxID, below store.UID) (from store.UID, err error) {
	var nothing bool
	err = s.engine.Ask(ctx, func(c Conn) error {
		b, err := loadBox(c, id)
		from, nothing = b.recentFrom, min(below, b.uidNext) <= b.recentFrom
		return err
	})
	if nothing || err != nil {
		return from, err
	}
	err = s.write(ctx, needs{boxes: []store.MailboxID{id}}, func(t *tx) error {
		b, err := t.box(id)
		if err != nil {
			return err
		}
		from = b.recentFrom
		b.recentFrom = max(from, min(below, b.uidNext))
		return nil
	})
	if errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrReadOnly) {
		err = nil // the next session has the same messages as \Recent; a full disk keeps nobody from reading mail
	}
	return from, err
}

// Expunge implements store.Messages.
func (s *Store) Expunge(ctx context.Context, id store.MailboxID, uids []store.UID) ([]store.UID, error) {
	return s.expunge(ctx, id, these(uids), func(*store.Entry) bool { return true })
}

// ExpungeDeleted implements store.Messages.
func (s *Store) ExpungeDeleted(ctx context.Context, id store.MailboxID, uids []store.UID) ([]store.UID, error) {
	return s.expunge(ctx, id, uids, func(e *store.Entry) bool { return e.Has(store.Deleted) })
}

// these returns UIDs of which none means none, where others take nil for all.
func these(uids []store.UID) []store.UID {
	if uids == nil {
		return []store.UID{}
	}
	return uids
}

// expunge removes those of the given entries (nil: all) that fit.
func (s *Store) expunge(ctx context.Context, id store.MailboxID, uids []store.UID, fits func(*store.Entry) bool) (removed []store.UID, err error) {
	uids = store.Ascending(uids)
	err = s.write(ctx, needs{boxes: []store.MailboxID{id}}, func(t *tx) error {
		b, err := t.box(id)
		if err != nil {
			return err
		}
		list, err := entriesOf(t.Conn, s, id, uids)
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(e store.Entry) bool { return !fits(&e) })
		removed, err = t.remove(b, list)
		return err
	})
	if err != nil {
		return nil, err
	}
	return removed, nil
}

// Copy implements store.Messages.
func (s *Store) Copy(ctx context.Context, from store.MailboxID, uids []store.UID, to store.MailboxID) (src, dst []store.UID, err error) {
	return s.transfer(ctx, from, to, func(t *tx) ([]store.UID, []store.UID, error) {
		src, list, err := t.arriving(from, store.Ascending(these(uids)))
		if err != nil {
			return nil, nil, err
		}
		dst, err := t.add(to, list)
		return src, dst, err
	})
}

// Move implements store.Messages.
func (s *Store) Move(ctx context.Context, from store.MailboxID, uids []store.UID, to store.MailboxID) (src, dst []store.UID, err error) {
	return s.transfer(ctx, from, to, func(t *tx) ([]store.UID, []store.UID, error) {
		return t.move(from, store.Ascending(these(uids)), to)
	})
}

// transfer carries out a Copy or Move. A mailbox to copy from that is gone has nothing to copy.
func (s *Store) transfer(ctx context.Context, from, to store.MailboxID, do func(*tx) (src, dst []store.UID, err error)) (src, dst []store.UID, err error) {
	err = s.write(ctx, needs{boxes: []store.MailboxID{from, to}}, func(t *tx) error {
		if _, err := t.peek(to); err != nil {
			return err
		}
		src, dst, err = do(t)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return src, dst, nil
}

// arriving returns entries of a mailbox (nil: all), in the form in which another one takes them.
func (t *tx) arriving(from store.MailboxID, uids []store.UID) (src []store.UID, list []arriving, err error) {
	if _, err := t.peek(from); errors.Is(err, store.ErrNoMailbox) {
		return nil, nil, nil
	}
	entries, err := entriesOf(t.Conn, t.store, from, uids)
	for i := range entries {
		e := &entries[i]
		src = append(src, e.UID)
		list = append(list, arriving{message: e.Message.(*message), flags: e.Flags, date: e.Date})
	}
	return src, list, err
}

// move moves entries (nil: all) to another mailbox.
func (t *tx) move(from store.MailboxID, uids []store.UID, to store.MailboxID) (src, dst []store.UID, err error) {
	src, list, err := t.arriving(from, uids)
	if err != nil || len(src) == 0 {
		return nil, nil, err
	}
	if dst, err = t.add(to, list); err != nil {
		return nil, nil, err
	}
	b, err := t.box(from)
	if err != nil {
		return nil, nil, err
	}
	entries, err := entriesOf(t.Conn, t.store, from, src)
	if err != nil {
		return nil, nil, err
	}
	_, err = t.remove(b, entries)
	return src, dst, err
}
