package tables

import (
	"context"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/store"
)

// Keep says what is removed in time. The zero value keeps everything.
type Keep struct {
	For      time.Duration // mail that came into its mailbox longer ago goes; 0 means never
	Messages int           // of all mailboxes together, only so many stay, those that came last; 0 means all
}

const (
	janitorEvery = time.Second
	janitorBatch = 500 // entries in one transaction
)

// janitor removes what isn't kept, in a goroutine of its own. Without a bound there is none.
type janitor struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func (j *janitor) start(s *Store, keep Keep) {
	if keep == (Keep{}) {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	j.cancel = cancel
	j.done.Go(func() {
		tick := time.NewTicker(janitorEvery)
		defer tick.Stop()
		for seen := uint64(0); ; {
			if now, err := s.Arrived(ctx); err == nil && (now != seen || keep.For > 0) {
				s.Tidy(ctx, keep)
				seen = now
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
}

func (j *janitor) stop() {
	if j.cancel != nil {
		j.cancel()
		j.done.Wait()
	}
}

// Tidy removes all that isn't kept. What can't be removed now goes another time. The store does so by itself, with the Keep
// that it was given.
func (s *Store) Tidy(ctx context.Context, keep Keep) {
	for {
		due := false
		err := s.engine.Read(ctx, func(c Conn) (err error) {
			due, err = s.due(c, keep)
			return err
		})
		if err != nil || !due {
			return
		}
		removed := 0
		err = s.write(ctx, needs{}, func(t *tx) (err error) {
			removed, err = t.tidy(keep)
			return err
		})
		if err != nil || removed < janitorBatch {
			return
		}
	}
}

// due reports whether something may have to be removed. Nobody has to wait for that.
func (s *Store) due(c Conn, keep Keep) (bool, error) {
	surplus, err := keep.surplus(c)
	if err != nil || surplus > 0 {
		return surplus > 0, err
	}
	var stored int64
	found, err := c.Get("SELECT stored FROM entries ORDER BY arrival LIMIT 1", nil, &stored)
	return found && stored <= keep.deadline(s.now()), err
}

// surplus returns how many messages are too many; it may be negative.
func (k *Keep) surplus(c Conn) (n int, err error) {
	if k.Messages <= 0 {
		return 0, nil
	}
	_, err = c.Get("SELECT coalesce(sum(messages), 0) FROM mailboxes", nil, &n)
	return n - k.Messages, err
}

// deadline returns the second up to which mail has come too long ago.
func (k *Keep) deadline(now time.Time) int64 {
	if k.For <= 0 {
		return -1
	}
	return now.Add(-k.For).Unix()
}

// old is an entry that isn't kept.
type old struct {
	arrival int64
	box     store.MailboxID
	uid     store.UID
	account string
	name    string
}

// tidy removes some of the oldest entries. A maildrop that a POP3 session has locked stays as it is (RFC 1939 section 4).
func (t *tx) tidy(keep Keep) (removed int, err error) {
	for _, b := range t.boxes { // the sums may be in this transaction only
		if err := b.save(t.Conn); err != nil {
			return 0, err
		}
	}
	surplus, err := keep.surplus(t.Conn)
	if err != nil {
		return 0, err
	}
	known, uids := map[string]bool{}, map[store.MailboxID][]store.UID{}
	for after, more := int64(0), true; more && removed < janitorBatch; {
		list, err := t.oldest(after, surplus, keep.deadline(t.store.now()))
		if err != nil {
			return 0, err
		}
		more = len(list) == janitorBatch
		for _, e := range list {
			after = e.arrival
			surplus--
			locked, err := t.locked(known, &e)
			if err != nil {
				return 0, err
			}
			if !locked && removed < janitorBatch {
				uids[e.box] = append(uids[e.box], e.uid)
				removed++
			}
		}
	}
	return removed, t.removeAll(uids)
}

// oldest returns entries behind a number that aren't kept: as many as are too many, and those up to a deadline.
func (t *tx) oldest(after int64, surplus int, deadline int64) (list []old, err error) {
	err = t.Each(`SELECT e.arrival, e.mailbox, e.uid, e.stored, b.account, b.name FROM entries e INDEXED BY entries_by_arrival CROSS JOIN mailboxes b ON b.id = e.mailbox
		WHERE e.arrival > ? ORDER BY e.arrival LIMIT ?`, []any{after, janitorBatch}, func(rows Rows) error {
		var e old
		var stored int64
		err := rows.Scan(&e.arrival, &e.box, &e.uid, &stored, &e.account, &e.name)
		if len(list) < surplus || stored <= deadline {
			list = append(list, e)
		}
		return err
	})
	return list, err
}

// locked reports whether an entry is in a maildrop that is locked. known are the accounts that were looked up.
func (t *tx) locked(known map[string]bool, e *old) (bool, error) {
	if e.name != store.Inbox {
		return false, nil
	}
	if locked, ok := known[e.account]; ok {
		return locked, nil
	}
	locked, err := t.store.engine.Locked(t.Conn, e.account)
	known[e.account] = locked
	return locked, err
}

func (t *tx) removeAll(uids map[store.MailboxID][]store.UID) error {
	for id, list := range uids {
		b, err := t.box(id)
		if err != nil {
			return err
		}
		entries, err := entriesOf(t.Conn, t.store, id, list)
		if err != nil {
			return err
		}
		if _, err := t.remove(b, entries); err != nil {
			return err
		}
	}
	return nil
}
