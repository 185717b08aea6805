package memory

import (
	"context"
	"errors"
	"slices"

	"github.com/mailrig/mailrig/internal/store"
)

// Append implements store.Messages.
func (s *Store) Append(ctx context.Context, id store.MailboxID, messages []store.Incoming) ([]store.UID, error) {
	b, err := s.box(ctx, id)
	if err != nil {
		return nil, err
	}
	entries := make([]store.Entry, len(messages))
	for i := range messages {
		in := &messages[i]
		m, date, err := s.take(ctx, in)
		if err != nil {
			return nil, err
		}
		defer s.drop(m)
		flags, err := distinct(in.Flags)
		if err != nil {
			return nil, err
		}
		entries[i] = store.Entry{UID: in.Gap, Flags: flags, Date: date, Message: m}
	}
	return s.add(b, entries)
}

// add adds entries for which there is room, and wakes those who wait for arrivals.
func (s *Store) add(b *mailbox, entries []store.Entry) ([]store.UID, error) {
	rest := entriesCost(entries)
	if err := s.reserve(rest); err != nil {
		return nil, err
	}
	return s.addReserved(b, entries, rest)
}

// transfer is add for entries that are about to leave another mailbox, so that a full store doesn't keep anybody from
// moving mail to the trash.
func (s *Store) transfer(b *mailbox, entries []store.Entry) ([]store.UID, error) {
	rest := entriesCost(entries)
	s.room.Take(rest)
	return s.addReserved(b, entries, rest)
}

func (s *Store) addReserved(b *mailbox, entries []store.Entry, rest int64) ([]store.UID, error) {
	uids, used, err := b.addAll(entries)
	s.room.Release(rest - used)
	if len(uids) > 0 {
		s.arrivals.wake()
	}
	return uids, err
}

// Status implements store.Messages.
func (s *Store) Status(ctx context.Context, id store.MailboxID) (store.Status, error) {
	b, err := s.box(ctx, id)
	if err != nil {
		return store.Status{}, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.status(), nil
}

// status returns the mailbox's status. The caller holds b.mu.
func (b *mailbox) status() store.Status {
	first, _ := findEntry(b.entries, 0, b.recentFrom)
	return store.Status{
		Messages:      uint32(len(b.entries)),
		Unseen:        b.unseen,
		Deleted:       b.deleted,
		Recent:        uint32(len(b.entries) - first),
		UIDNext:       b.uidNext,
		UIDValidity:   b.uidValidity,
		Size:          b.size,
		HighestModSeq: b.modSeq.Load(),
		Keywords:      slices.Clip(b.keywords), // handed out, so only appended to
	}
}

// Snapshot implements store.Messages.
func (s *Store) Snapshot(ctx context.Context, id store.MailboxID) (store.Snapshot, error) {
	b, err := s.box(ctx, id)
	if err != nil {
		return store.Snapshot{}, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	out := store.Snapshot{Status: b.status(), RecentFrom: b.recentFrom, UIDs: uidsOf(b.entries)}
	if b.unseen > 0 {
		i := slices.IndexFunc(b.entries, func(e store.Entry) bool { return !e.Has(store.Seen) })
		out.FirstUnseen = b.entries[i].UID
	}
	return out, nil
}

// Entries implements store.Messages.
func (s *Store) Entries(ctx context.Context, id store.MailboxID, uids []store.UID) ([]store.Entry, error) {
	b, err := s.box(ctx, id)
	if err != nil {
		return nil, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	if uids == nil {
		return slices.Clone(b.entries), nil
	}
	return b.these(uids), nil
}

// these returns the entries with these UIDs. The caller holds b.mu.
func (b *mailbox) these(uids []store.UID) []store.Entry {
	uids = store.Ascending(uids)
	entries := make([]store.Entry, 0, min(len(uids), len(b.entries)))
	b.each(uids, func(e *store.Entry) { entries = append(entries, *e) })
	return entries
}

// Changes implements store.Messages.
func (s *Store) Changes(ctx context.Context, id store.MailboxID, since uint64) (store.Changes, error) {
	b, err := s.box(ctx, id)
	if err != nil {
		return store.Changes{}, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	c := store.Changes{ModSeq: b.modSeq.Load(), UIDNext: b.uidNext, RecentFrom: b.recentFrom}
	if b.removed.last() > since {
		var complete bool
		c.Expunged, complete = b.removed.since(since)
		c.Truncated = !complete
	}
	if b.lastKeyword > since {
		c.Keywords = slices.Clip(b.keywords)
	}
	if b.lastFlags > since {
		for i := range b.entries {
			if e := &b.entries[i]; e.ModSeq > since {
				c.Entries = append(c.Entries, *e)
			}
		}
		return c, nil
	}
	// No flags have changed, so a higher mod-sequence means a new message, and new messages are at the end.
	first := len(b.entries)
	for first > 0 && b.entries[first-1].ModSeq > since {
		first--
	}
	if first < len(b.entries) {
		c.Entries = slices.Clone(b.entries[first:])
	}
	return c, nil
}

// ClaimRecent implements store.Messages.
func (s *Store) ClaimRecent(ctx context.Context, id store.MailboxID, below store.UID) (store.UID, error) {
	b, err := s.box(ctx, id)
	if err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	from := b.recentFrom
	b.recentFrom = max(from, min(below, b.uidNext))
	return from, nil
}

// SetFlags implements store.Messages.
func (s *Store) SetFlags(ctx context.Context, id store.MailboxID, uids []store.UID, op store.Op, flags []string) (store.Update, error) {
	b, err := s.box(ctx, id)
	if err != nil {
		return store.Update{}, err
	}
	uids = store.Ascending(uids)
	var rest int64
	if op != store.Remove {
		if flags, err = distinct(flags); err != nil {
			return store.Update{}, err
		}
		// System flags are part of an entry's cost: with a full store one can still delete.
		if rest = keywordsRoom(flags, len(uids)); rest > 0 {
			if err := s.reserve(rest); err != nil {
				return store.Update{}, err
			}
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if op != store.Remove {
		if err := b.checkKeywords(func(yield func([]string) bool) { yield(flags) }); err != nil {
			s.room.Release(rest)
			return store.Update{}, err
		}
	}
	before := b.held
	update := b.setFlags(uids, op, flags)
	s.room.Release(rest - (b.held - before))
	return update, nil
}

// setFlags changes flags. uids must be ascending. The caller holds b.mu.
func (b *mailbox) setFlags(uids []store.UID, op store.Op, list []string) store.Update {
	var (
		before   = b.modSeq.Load()
		modSeq   = before + 1
		keywords = len(b.keywords)
		out      = store.Update{Before: before, ModSeq: before}
		flags    []string
		// Most messages in a mailbox have one of a few sets of flags. A STORE on all of them computes and keeps hardly
		// more slices than there are sets.
		old, result []string
	)
	b.each(uids, func(e *store.Entry) {
		if out.Entries == nil {
			out.Entries = make([]store.Updated, 0, len(uids))
			if op == store.Remove { // only now: without a message there is no new keyword
				flags = b.known(list)
			} else {
				flags = b.flags(list, modSeq)
			}
			old, result = e.Flags, op.Apply(e.Flags, flags)
		} else if !slices.Equal(e.Flags, old) {
			old, result = e.Flags, op.Apply(e.Flags, flags)
		}
		was := e.ModSeq
		if !slices.Equal(e.Flags, result) {
			b.count(e, -1)
			b.held += keywordsCost(len(result)) - keywordsCost(len(e.Flags))
			e.Flags, e.ModSeq = result, modSeq
			b.count(e, 1)
			out.ModSeq = modSeq
		}
		out.Entries = append(out.Entries, store.Updated{Entry: *e, Was: was})
	})
	out.Learned = len(b.keywords) > keywords
	if out.ModSeq > before {
		b.lastFlags = modSeq
		b.changed(modSeq)
	}
	return out
}

// Expunge implements store.Messages.
func (s *Store) Expunge(ctx context.Context, id store.MailboxID, uids []store.UID) ([]store.UID, error) {
	b, err := s.box(ctx, id)
	if err != nil {
		return nil, err
	}
	uids = store.Ascending(uids)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.removeThese(uids), nil
}

// ExpungeDeleted implements store.Messages.
func (s *Store) ExpungeDeleted(ctx context.Context, id store.MailboxID, uids []store.UID) ([]store.UID, error) {
	b, err := s.box(ctx, id)
	if err != nil {
		return nil, err
	}
	all := uids == nil
	uids = store.Ascending(uids)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.deleted == 0 {
		return nil, nil
	}
	i := 0
	return b.remove(func(e *store.Entry) bool {
		if !e.Has(store.Deleted) {
			return false
		}
		if all {
			return true
		}
		var found bool
		i, found = store.FindUID(uids, i, e.UID)
		return found
	}), nil
}

// route returns the mailboxes of a Copy or Move. from is nil, without an error, if it is gone: then there is nothing to
// do.
func (s *Store) route(ctx context.Context, from, to store.MailboxID) (b, dest *mailbox, err error) {
	if dest, err = s.box(ctx, to); err != nil {
		return nil, nil, err
	}
	if b, err = s.box(ctx, from); errors.Is(err, store.ErrNoMailbox) {
		return nil, nil, nil
	}
	return b, dest, err
}

// Copy implements store.Messages.
func (s *Store) Copy(ctx context.Context, from store.MailboxID, uids []store.UID, to store.MailboxID) (src, dst []store.UID, err error) {
	b, dest, err := s.route(ctx, from, to)
	if b == nil {
		return nil, nil, err
	}
	b.mu.RLock()
	entries := b.these(uids)
	b.mu.RUnlock()
	src = uidsOf(entries)
	if dst, err = s.add(dest, withoutGaps(entries)); err != nil {
		return nil, nil, err
	}
	return src, dst, nil
}

// Move implements store.Messages. Between arriving there and leaving here, a message is in both mailboxes for a moment,
// and never in neither.
func (s *Store) Move(ctx context.Context, from store.MailboxID, uids []store.UID, to store.MailboxID) (src, dst []store.UID, err error) {
	b, dest, err := s.route(ctx, from, to)
	if b == nil {
		return nil, nil, err
	}
	entries, claimed, release := b.claim(store.Ascending(uids), false)
	dst, err = s.transfer(dest, entries)
	release(err == nil)
	if err != nil {
		return nil, nil, err
	}
	return claimed, dst, nil
}
