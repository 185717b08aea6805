// Package mailroom shows the messages of all mailboxes together: as a list with pages, by id, or searched. The HTTP API,
// waiting and mailtest see mail through it.
//
// A [Room] keeps nothing of its own. It asks the store for the latest entries (store.Arrivals), and the store remembers
// with each message what searches look at, as far as there is room for it. So nothing is done until somebody asks.
//
// Numbers in queries and pages count the entries that have come into any mailbox. They only grow, so that a caller who
// keeps one can tell what is new.
package mailroom

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/wait"
)

// Room is the mailboxes of a store.
type Room struct{ store store.Store }

// New returns the mailboxes of a store.
func New(st store.Store) *Room { return &Room{st} }

// ErrNoMail says that there is no message with an id: it has been deleted, or never existed.
var ErrNoMail = errors.New("there is no message with this id")

// mailID returns the id of a message in a mailbox: that of the message, which can't be guessed, and the number of its
// arrival, which says where it is.
func mailID(e store.Entry) string {
	id := append(make([]byte, 0, 48), e.Message.ID()...)
	return string(strconv.AppendUint(append(id, '.'), e.Arrival, 36))
}

// placed finds the message with this id.
func (r *Room) placed(ctx context.Context, id string) (store.Placed, error) {
	_, text, _ := strings.Cut(id, ".")
	n, err := strconv.ParseUint(text, 36, 63)
	if err != nil || n == 0 {
		return store.Placed{}, ErrNoMail
	}
	list, err := r.store.Latest(ctx, "", n-1, n+1, 1)
	if err == nil && (len(list) == 0 || mailID(list[0].Entry) != id) {
		err = ErrNoMail
	}
	if err != nil {
		return store.Placed{}, err
	}
	return list[0], nil
}

// Get returns the message with this id, or ErrNoMail.
func (r *Room) Get(ctx context.Context, id string) (wait.Mail, error) {
	p, err := r.placed(ctx, id)
	if err != nil {
		return wait.Mail{}, err
	}
	m, err := mailOf(ctx, p)
	if errors.Is(err, store.ErrGone) {
		err = ErrNoMail
	}
	return m, err
}

// Query says which messages to list.
type Query struct {
	User   string         // only this user's; "" means everybody's
	Match  []wait.Matcher // that all of them match
	After  uint64         // only those that came later than the first After
	Before uint64         // only those that came earlier than this number; 0 means no bound
	Limit  int            // how many at most; 0 means none
}

// Page is a page of a list of messages.
type Page struct {
	Messages []wait.Mail // the latest first
	Next     uint64      // After, for what comes later
	Before   uint64      // Before, for the next page; 0 if this is the last one
}

// Numbers of entries that a search looks at in one go. It begins with few: usually the latest ones match.
const (
	firstPiece = 250
	mostPiece  = 16_000
	searchers  = 4   // goroutines for a large piece, at most
	alonePiece = 500 // a piece up to this size needs only one
)

// hit is a message that a query matches.
type hit struct {
	mail wait.Mail
	box  store.MailboxID
}

// List returns the latest messages that a query matches.
func (r *Room) List(ctx context.Context, q Query) (Page, error) {
	hits, page, err := r.list(ctx, q)
	for _, h := range hits {
		page.Messages = append(page.Messages, h.mail)
	}
	return page, err
}

// list is List, but leaves Page.Messages empty.
func (r *Room) list(ctx context.Context, q Query) (hits []hit, page Page, err error) {
	if page.Next, err = r.store.Arrived(ctx); err != nil {
		return nil, Page{}, err
	}
	if q.After > page.Next {
		return nil, Page{}, &wait.BadCondition{Err: fmt.Errorf("after is %d, but only %d messages have come: the number is of an earlier run of mailrig; leave it out", q.After, page.Next)}
	}
	fits := wait.MailTest(q.Match, r.store.Address)
	byID := slices.ContainsFunc(q.Match, func(m wait.Matcher) bool { return m.Key == "id" })
	before := q.Before
	if before == 0 || before > page.Next {
		before = page.Next + 1
	}
	for piece := firstPiece; ; piece = min(4*piece, mostPiece) {
		n := piece
		if len(q.Match) == 0 {
			n = q.Limit - len(hits) + 1
		}
		list, err := r.store.Latest(ctx, q.User, q.After, before, n)
		if err != nil {
			return nil, Page{}, err
		}
		found, err := search(ctx, list, fits, byID)
		if err != nil {
			return nil, Page{}, err
		}
		for _, h := range found {
			if len(hits) == q.Limit {
				page.Before = before
				return hits, page, nil
			}
			hits, before = append(hits, h), h.mail.Arrival
		}
		if len(list) < n {
			return hits, page, nil
		}
		before = list[len(list)-1].Arrival
	}
}

// search returns those of the messages that fit, in their order. byID says that fits looks at the id, which takes an allocation.
func search(ctx context.Context, list []store.Placed, fits func(context.Context, *wait.Mail) (bool, error), byID bool) ([]hit, error) {
	workers := min(searchers, runtime.GOMAXPROCS(0), 1+len(list)/alonePiece)
	found, errs := make([][]hit, workers), make([]error, workers)
	var wg sync.WaitGroup
	for i := range workers {
		part := list[i*len(list)/workers : (i+1)*len(list)/workers]
		if i == workers-1 {
			found[i], errs[i] = searchPart(ctx, part, fits, byID)
			break
		}
		wg.Go(func() { found[i], errs[i] = searchPart(ctx, part, fits, byID) })
	}
	wg.Wait()
	return slices.Concat(found...), errors.Join(errs...)
}

func searchPart(ctx context.Context, list []store.Placed, fits func(context.Context, *wait.Mail) (bool, error), byID bool) (found []hit, err error) {
	var at store.Message
	m := wait.Mail{ // one for all: most don't match
		Read: func(ctx context.Context) ([]byte, error) { return store.ReadAll(ctx, at) },
		Body: func(ctx context.Context) (string, error) { return bodyOf(ctx, at) },
	}
	for _, p := range list {
		at = p.Message
		err = describe(ctx, &m, p)
		ok := err == nil
		if ok {
			if byID {
				m.ID = mailID(p.Entry)
			}
			ok, err = fits(ctx, &m)
		}
		if err != nil && !errors.Is(err, store.ErrGone) {
			return nil, err
		}
		if ok && err == nil {
			h := hit{m, p.Mailbox.ID}
			h.mail.ID = mailID(p.Entry)
			withContent(&h.mail, p.Message)
			found = append(found, h)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Delete removes messages by id, and returns how many there were. An id that doesn't exist is no error. A message in
// several mailboxes has an id in each.
func (r *Room) Delete(ctx context.Context, ids ...string) (int, error) {
	byBox := map[store.MailboxID][]store.UID{}
	for _, id := range ids {
		p, err := r.placed(ctx, id)
		if errors.Is(err, ErrNoMail) {
			continue
		}
		if err != nil {
			return 0, err
		}
		byBox[p.Mailbox.ID] = append(byBox[p.Mailbox.ID], p.UID)
	}
	return r.expunge(ctx, byBox)
}

// deletePiece is how many messages DeleteMatching holds at a time.
const deletePiece = 5000

// DeleteMatching removes every message that a query matches and that was there when it began. It returns how many there
// were. Limit and Before are ignored.
func (r *Room) DeleteMatching(ctx context.Context, q Query) (n int, err error) {
	q.Limit, q.Before = deletePiece, 0
	for {
		hits, page, err := r.list(ctx, q)
		if err != nil {
			return n, err
		}
		byBox := map[store.MailboxID][]store.UID{}
		for _, h := range hits {
			byBox[h.box] = append(byBox[h.box], store.UID(h.mail.UID))
		}
		gone, err := r.expunge(ctx, byBox)
		if n += gone; err != nil || page.Before == 0 {
			return n, err
		}
		q.Before = page.Before
	}
}

func (r *Room) expunge(ctx context.Context, byBox map[store.MailboxID][]store.UID) (n int, err error) {
	for box, uids := range byBox {
		gone, err := r.store.Expunge(ctx, box, store.Ascending(uids))
		if err != nil && !errors.Is(err, store.ErrNoMailbox) {
			return n, err
		}
		n += len(gone)
	}
	return n, nil
}
