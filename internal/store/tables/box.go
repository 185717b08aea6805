package tables

import (
	"context"
	"fmt"
	"math"

	"github.com/mailrig/mailrig/internal/store"
)

// box is a mailbox without its name, its entries and its keywords.
type box struct {
	id          store.MailboxID
	validity    uint32
	uidNext     store.UID
	recentFrom  store.UID // from this UID on, nobody has claimed \Recent
	modSeq      uint64    // of the last change of any kind
	lastFlags   uint64    // of the last flag change
	lastKeyword uint64    // of the last new keyword
	forgotten   uint64    // of the latest removal that is no longer in the log
	removals    int       // in the log
	messages    uint32    // this and the next three are sums over entries
	unseen      uint32
	deleted     uint32
	size        int64
}

// boxColumns are what columns has room for.
const boxColumns = "id, validity, uid_next, recent_from, modseq, last_flags, last_keyword, forgotten, removals, messages, unseen, deleted, size"

func (b *box) columns() []any {
	return []any{&b.id, &b.validity, &b.uidNext, &b.recentFrom, &b.modSeq, &b.lastFlags, &b.lastKeyword, &b.forgotten, &b.removals, &b.messages, &b.unseen, &b.deleted, &b.size}
}

// loadBox returns the mailbox with this id, or ErrNoMailbox.
func loadBox(c Conn, id store.MailboxID) (*box, error) {
	b := &box{id: id}
	found, err := c.Get("SELECT "+boxColumns+" FROM mailboxes WHERE id = ?", []any{int64(id)}, b.columns()...)
	if err == nil && !found {
		err = fmt.Errorf("%w: number %d", store.ErrNoMailbox, id)
	}
	return b, err
}

// Messages returns how many messages all mailboxes have.
func (s *Store) Messages(ctx context.Context) (n int, err error) {
	err = s.engine.Ask(ctx, func(c Conn) error {
		_, err := c.Get("SELECT coalesce(sum(messages), 0) FROM mailboxes", nil, &n)
		return err
	})
	return n, err
}

// save writes the mailbox back. It does nothing if the mailbox has been deleted meanwhile.
func (b *box) save(c Conn) error {
	return c.Exec(`UPDATE mailboxes SET uid_next = ?, recent_from = ?, modseq = ?, last_flags = ?, last_keyword = ?, forgotten = ?, removals = ?,
		messages = ?, unseen = ?, deleted = ?, size = ? WHERE id = ?`,
		b.uidNext, b.recentFrom, int64(b.modSeq), int64(b.lastFlags), int64(b.lastKeyword), int64(b.forgotten), b.removals,
		b.messages, b.unseen, b.deleted, b.size, int64(b.id))
}

// box returns a mailbox that the present step may change: it is written at the end of the transaction.
func (t *tx) box(id store.MailboxID) (*box, error) {
	if b := t.own[id]; b != nil {
		return b, nil
	}
	b, err := t.peek(id)
	if err != nil {
		return nil, err
	}
	t.own[id] = b
	return b, nil
}

// peek returns a mailbox as it is in this transaction.
func (t *tx) peek(id store.MailboxID) (*box, error) {
	if b := t.own[id]; b != nil {
		return b, nil
	}
	if earlier := t.boxes[id]; earlier != nil {
		b := *earlier
		return &b, nil
	}
	if b, ok := t.found.boxes[id]; ok {
		return &b, nil
	}
	return loadBox(t.Conn, id)
}

// forget lets go of a mailbox that has been deleted.
func (t *tx) forget(id store.MailboxID) {
	delete(t.own, id)
	delete(t.boxes, id)
	t.forgetFound()
}

// newBox makes a mailbox.
func (t *tx) newBox(account, name, specialUse string) (store.MailboxID, error) {
	if t.numbers.validity == math.MaxUint32 {
		return 0, fmt.Errorf("%w: its UIDVALIDITY values are used up; give another place for mail", store.ErrFull)
	}
	t.numbers.validity++
	id := t.numbers.validity
	// A mod-sequence of 0 isn't one (RFC 7162 section 7).
	err := t.Exec(`INSERT INTO mailboxes VALUES (?, ?, ?, ?, ?, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0)`, id, account, name, specialUse, id)
	return store.MailboxID(id), err
}

// dropBox deletes a mailbox with everything in it.
func (t *tx) dropBox(id store.MailboxID) error {
	b, err := t.box(id)
	if err != nil {
		return err
	}
	entries, err := entriesOf(t.Conn, t.store, id, nil)
	if err != nil {
		return err
	}
	for i := range entries {
		if err := t.release(entries[i].Message.(*message)); err != nil {
			return err
		}
	}
	for _, from := range []string{
		"DELETE FROM entries WHERE mailbox = ?", "DELETE FROM keywords WHERE mailbox = ?", "DELETE FROM removed WHERE mailbox = ?",
		"DELETE FROM mailboxes WHERE id = ?",
	} {
		if err := t.Exec(from, int64(id)); err != nil {
			return err
		}
	}
	t.news = append(t.news, News{Box: id, ModSeq: b.modSeq + 1, Removed: true})
	t.forget(id)
	return nil
}

// count adds n (1, or -1) for an entry to the sums over entries.
func (b *box) count(e *store.Entry, n int32) {
	b.messages += uint32(n)
	b.size += int64(n) * e.Message.Size()
	b.countFlags(e.Flags, n)
}

func (b *box) countFlags(flags []string, n int32) {
	e := store.Entry{Flags: flags}
	if !e.Has(store.Seen) {
		b.unseen += uint32(n)
	}
	if e.Has(store.Deleted) {
		b.deleted += uint32(n)
	}
}
