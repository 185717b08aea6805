package tables

import (
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/store"
)

// needs are what a change will look up. All changes of a transaction have it looked up together, because each question to
// a database elsewhere costs a round trip, and everybody waits meanwhile.
type needs struct {
	boxes    []store.MailboxID
	inboxes  []string // addresses
	contents []*incoming
}

// found is what was looked up, as of the beginning of the transaction, and what the transaction has changed in it. What isn't in
// it has to be looked up.
type found struct {
	boxes   map[store.MailboxID]box
	inboxes map[string]store.MailboxID
	bodies  map[string]int64 // numbers by digest; 0 means that there is none
}

// page is how many values a statement of prefetch has.
const page = 16

// list is the arguments of a statement of prefetch.
var list = "(?" + strings.Repeat(", ?", page-1) + ")"

func (t *tx) forgetFound() {
	t.found = found{boxes: map[store.MailboxID]box{}, inboxes: map[string]store.MailboxID{}, bodies: map[string]int64{}}
}

// prefetch looks up what changes need. A single one needs no help.
func (t *tx) prefetch(batch []*call) error {
	var all needs
	var digests []string
	for _, c := range batch {
		all.boxes = append(all.boxes, c.needs.boxes...)
		all.inboxes = append(all.inboxes, c.needs.inboxes...)
		for _, i := range c.needs.contents {
			if i.mine == nil {
				digests = append(digests, string(i.digest[:]))
			}
		}
	}
	if len(batch) == 1 && len(digests) <= 1 {
		return nil
	}
	if err := t.findBodies(digests); err != nil {
		return err
	}
	if err := t.findInboxes(all.inboxes); err != nil {
		return err
	}
	return t.findBoxes(all.boxes)
}

func (t *tx) findBodies(digests []string) error {
	for _, d := range digests {
		t.found.bodies[d] = 0
	}
	return inPages(digests, func(args []any) error {
		for i := range args {
			if d, ok := args[i].(string); ok {
				args[i] = []byte(d)
			}
		}
		return t.Each("SELECT digest, id FROM bodies WHERE digest IN "+list, args, func(rows Rows) error {
			var digest []byte
			var number int64
			err := rows.Scan(&digest, &number)
			t.found.bodies[string(digest)] = number
			return err
		})
	})
}

func (t *tx) findInboxes(addresses []string) error {
	return inPages(addresses, func(args []any) error {
		return t.Each("SELECT account, "+boxColumns+" FROM mailboxes WHERE name = 'INBOX' AND account IN "+list, args, func(rows Rows) error {
			var address string
			var b box
			err := rows.Scan(append([]any{&address}, b.columns()...)...)
			t.found.inboxes[address], t.found.boxes[b.id] = b.id, b
			return err
		})
	})
}

func (t *tx) findBoxes(ids []store.MailboxID) error {
	return inPages(ids, func(args []any) error {
		return t.Each("SELECT "+boxColumns+" FROM mailboxes WHERE id IN "+list, args, func(rows Rows) error {
			var b box
			err := rows.Scan(b.columns()...)
			t.found.boxes[b.id] = b
			return err
		})
	})
}

// inPages calls f with the arguments of a statement, each of them once. Those that are left over are NULL, which is nowhere.
func inPages[T comparable](values []T, f func(args []any) error) error {
	var distinct []T
	for _, v := range values {
		if !slices.Contains(distinct, v) {
			distinct = append(distinct, v)
		}
	}
	for some := range slices.Chunk(distinct, page) {
		args := make([]any, page)
		for i, v := range some {
			args[i] = v
		}
		if err := f(args); err != nil {
			return err
		}
	}
	return nil
}
