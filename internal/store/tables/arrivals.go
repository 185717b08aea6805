package tables

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/mailrig/mailrig/internal/store"
)

// Arrived implements store.Arrivals. The number is committed together with its entry, and whoever hands out numbers keeps
// everybody else from it until then, so none becomes visible after a higher one.
func (s *Store) Arrived(ctx context.Context) (n uint64, err error) {
	if s.alone {
		return s.numbers.Load().arrival, ctx.Err()
	}
	err = s.engine.Ask(ctx, func(c Conn) error {
		_, err := c.Get("SELECT arrival FROM counters", nil, &n)
		return err
	})
	return n, err
}

// Latest implements store.Arrivals. For all accounts, the index on arrivals has them. For one account, it takes some of
// each mailbox: there, UIDs and numbers ascend together.
func (s *Store) Latest(ctx context.Context, account string, after, before uint64, n int) (list []store.Placed, err error) {
	if before == 0 {
		before = math.MaxInt64
	}
	err = s.engine.Read(ctx, func(c Conn) error {
		if account == "" {
			list, err = s.latest(c, "entries_by_arrival", "e.arrival > ? AND e.arrival < ? ORDER BY e.arrival DESC LIMIT ?", int64(after), int64(before), n)
			return err
		}
		ids, err := column[int64](c, "SELECT id FROM mailboxes WHERE account = ?", s.Address(account))
		if err != nil {
			return err
		}
		for _, id := range ids {
			below, err := uidAt(c, id, before)
			if err != nil {
				return err
			}
			some, err := s.latest(c, "", "e.mailbox = ? AND e.uid < ? AND e.arrival > ? ORDER BY e.uid DESC LIMIT ?", id, below, int64(after), n)
			if err != nil {
				return err
			}
			list = append(list, some...)
		}
		slices.SortFunc(list, func(x, y store.Placed) int { return cmp.Compare(y.Arrival, x.Arrival) })
		list = list[:min(n, len(list))]
		return nil
	})
	return list, err
}

// latest reads entries with their mailboxes.
func (s *Store) latest(c Conn, index, where string, args ...any) (list []store.Placed, err error) {
	if index != "" {
		index = " INDEXED BY " + index
	}
	query := `SELECT b.id, b.account, b.name, b.validity, uid, arrival, e.modseq, date, zone, flags, keywords, message, e.name, body, e.size
		FROM entries e` + index + ` CROSS JOIN mailboxes b ON b.id = e.mailbox WHERE ` + where
	err = c.Each(query, args, func(rows Rows) error {
		var p store.Placed
		var err error
		p.Entry, err = s.scan(rows, &p.Mailbox.ID, &p.Mailbox.Account, &p.Mailbox.Name, &p.Mailbox.UIDValidity)
		list = append(list, p)
		return err
	})
	return list, err
}

// uidAt returns a UID such that exactly the entries of the mailbox below it have numbers below number. It halves the
// range, so it looks at 32 entries at most.
func uidAt(c Conn, mailbox int64, number uint64) (int64, error) {
	low, high := int64(0), int64(math.MaxUint32)
	var uid int64
	var arrival uint64
	found, err := c.Get("SELECT uid, arrival FROM entries WHERE mailbox = ? ORDER BY uid DESC LIMIT 1", []any{mailbox}, &uid, &arrival)
	if err != nil || !found || arrival < number {
		return high, err
	}
	for high = uid; low < high; {
		middle := (low + high) / 2
		if _, err := c.Get("SELECT uid, arrival FROM entries WHERE mailbox = ? AND uid >= ? ORDER BY uid LIMIT 1", []any{mailbox, middle}, &uid, &arrival); err != nil {
			return 0, err
		}
		if arrival < number {
			low = uid + 1
		} else {
			high = middle
		}
	}
	return low, nil
}
