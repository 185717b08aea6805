package kept

import (
	"context"
	"database/sql"
	"errors"
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
			if now := s.numbers.Load().arrival; now != seen || keep.For > 0 {
				s.tidy(ctx, keep)
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

// tidy removes all that isn't kept. What can't be removed now goes another time.
func (s *Store) tidy(ctx context.Context, keep Keep) {
	for {
		removed := 0
		err := s.write(ctx, func(t *tx) (err error) {
			removed, err = t.tidy(keep)
			return err
		})
		if err != nil || removed < janitorBatch {
			return
		}
	}
}

// tidy removes some of the oldest entries. A maildrop that a POP3 session has locked stays as it is (RFC 1939 section 4).
func (t *tx) tidy(keep Keep) (removed int, err error) {
	surplus := 0
	if keep.Messages > 0 {
		// The sums may be in this transaction only.
		for _, b := range t.boxes {
			if err := b.save(t.conn); err != nil {
				return 0, err
			}
		}
		if _, err := t.get("SELECT coalesce(sum(messages), 0) FROM mailboxes", nil, &surplus); err != nil {
			return 0, err
		}
		surplus -= keep.Messages
	}
	deadline := int64(-1)
	if keep.For > 0 {
		deadline = t.store.now().Add(-keep.For).Unix()
	}
	old := map[store.MailboxID][]store.UID{}
	err = t.each(`SELECT e.mailbox, e.uid, e.stored, b.account, b.name FROM entries e INDEXED BY entries_by_arrival CROSS JOIN mailboxes b ON b.id = e.mailbox
		ORDER BY e.arrival`, nil, func(rows *sql.Rows) error {
		var id store.MailboxID
		var uid store.UID
		var stored int64
		var account, name string
		if err := rows.Scan(&id, &uid, &stored, &account, &name); err != nil {
			return err
		}
		if removed == janitorBatch || surplus <= 0 && stored > deadline {
			return errEnough
		}
		surplus--
		if name != store.Inbox || !t.store.drops.locked(account) {
			old[id] = append(old[id], uid)
			removed++
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return 0, err
	}
	for id, uids := range old {
		b, err := t.box(id)
		if err != nil {
			return 0, err
		}
		list, err := entriesOf(t.conn, t.store, id, uids)
		if err != nil {
			return 0, err
		}
		if _, err := t.remove(b, list); err != nil {
			return 0, err
		}
	}
	return removed, nil
}
