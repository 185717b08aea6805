package mailpit

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"math/big"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/state"
	"github.com/mailrig/mailrig/internal/store"
)

// Bounds on what callers can make the box remember.
const (
	mostTags      = 1000 // tags of letters that don't exist
	mostTagBytes  = 100
	mostTagsOfOne = 100
)

// box keeps the state of the letters. It learns what has come and gone whenever somebody asks, so that it costs nothing
// while nobody does.
type box struct {
	store store.Store
	most  int           // letters that are kept; 0 means all
	turn  chan struct{} // one element while somebody holds the box

	all           []*Entry // the latest first
	known         bool     // all is right as of the numbers below
	arrived       uint64   // the store's last number when all was made
	removals      uint64   // the store's number of removals then
	round         uint64
	byMessage     map[string]*Entry // by the id of its message
	byID          map[string]*Entry
	strangers     map[string][]string // tags that were given to ids that don't exist
	accepted      int                 // letters that have come
	acceptedBytes int64
	told          int  // how many of them listeners have heard of
	deleted       int  // letters that this API deleted
	gone          bool // letters are gone, and what is kept about them isn't
	keeper        keeper
}

func newBox(st store.Store, most int, kept state.Store) *box {
	return &box{keeper: keeper{state: kept}, store: st, most: most, turn: make(chan struct{}, 1), byMessage: map[string]*Entry{}, byID: map[string]*Entry{}, strangers: map[string][]string{}}
}

// with calls do with all letters, the latest first, and lets nobody else have the box meanwhile. So only one request reads
// messages for a list or a search at a time.
func (b *box) with(ctx context.Context, do func(all []*Entry) error) error {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := b.load(ctx); err != nil {
		return err
	}
	all, err := b.sync(ctx)
	if err == nil && b.most > 0 && len(all) > b.most {
		if err = b.remove(ctx, all[b.most:]); err == nil {
			all, err = b.sync(ctx)
		}
	}
	if err != nil {
		return err
	}
	return b.and(ctx, do(all))
}

// sync finds out which letters there are.
func (b *box) sync(ctx context.Context) ([]*Entry, error) {
	// Both numbers are read before the entries: what happens meanwhile is found out the next time.
	removals, counts := uint64(0), false
	if st, ok := b.store.(interface{ Removals() uint64 }); ok {
		removals, counts = st.Removals(), true
	}
	arrived, err := b.store.Arrived(ctx)
	if err != nil {
		return nil, err
	}
	if st, ok := b.store.(interface{ OnRemoval(func()) }); ok {
		st.OnRemoval(b.letGo)
	}
	after, more := uint64(0), counts && b.known && removals == b.removals
	if more { // nothing has gone: look only at what has come
		if arrived == b.arrived {
			return b.all, nil
		}
		after = b.arrived
	} else {
		b.round++
	}
	b.known = false
	placed, err := b.store.Latest(ctx, "", after, arrived+1, math.MaxInt)
	if err != nil {
		return nil, err
	}
	all := make([]*Entry, 0, len(placed)+len(b.all))
	for _, p := range placed {
		l := b.byMessage[p.Message.ID()]
		if l == nil {
			origin, err := p.Message.Origin(ctx)
			if errors.Is(err, store.ErrGone) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if len(origin.Envelope.Recipients) == 0 {
				continue // it came by APPEND, or from a seed directory
			}
			l = &Entry{id: idOf(p.Message), msg: p.Message, origin: origin, created: origin.Received.Local().Truncate(time.Millisecond)}
			b.recall(l)
			b.byMessage[p.Message.ID()], b.byID[l.id] = l, l
			b.accepted, l.number = b.accepted+1, b.accepted+1
			b.acceptedBytes += p.Message.Size()
		}
		if l.round != b.round {
			l.round, l.places = b.round, l.places[:0]
			if l.msg == nil { // the box had let go of it; otherwise, a request may be reading it
				l.msg = p.Message
			}
			all = append(all, l)
		}
		l.places = append(l.places, p)
	}
	if more {
		all = append(all, b.all...)
	} else if len(all) < len(b.byMessage) {
		for key, l := range b.byMessage {
			if l.round != b.round {
				delete(b.byMessage, key)
				delete(b.byID, l.id)
				b.gone = true
			}
		}
	}
	// A copy comes later than its letter.
	slices.SortStableFunc(all, func(x, y *Entry) int { return cmp.Compare(y.first(), x.first()) })
	b.all, b.known, b.arrived, b.removals = all, true, arrived, removals
	return all, nil
}

// letGo lets go of the messages, because some of them have been removed: otherwise they would take memory until somebody
// asks again, and nobody would count it. What the API keeps about the letters stays. Requests that are being answered
// keep the letters that they have.
func (b *box) letGo() {
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	for key, l := range b.byMessage {
		kept := *l
		kept.msg, kept.places = nil, nil
		b.byMessage[key], b.byID[l.id] = &kept, &kept
	}
	b.all, b.known = nil, false
}

// first returns the number of the letter's first entry.
func (l *Entry) first() uint64 {
	if l.origin.Arrival != 0 {
		return l.origin.Arrival
	}
	return l.places[len(l.places)-1].Arrival
}

// remove removes letters from every mailbox.
func (b *box) remove(ctx context.Context, list []*Entry) error {
	byBox := map[store.MailboxID][]store.UID{}
	for _, l := range list {
		for _, p := range l.places {
			byBox[p.Mailbox.ID] = append(byBox[p.Mailbox.ID], p.UID)
		}
	}
	for box, uids := range byBox {
		if _, err := b.store.Expunge(ctx, box, store.Ascending(uids)); err != nil && !errors.Is(err, store.ErrNoMailbox) {
			return err
		}
	}
	b.deleted += len(list)
	return nil
}

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// idOf returns 22 characters, as many as Mailpit's ids have.
func idOf(m store.Message) string { return shortened(m.ID()) }

// shortened returns 22 letters and digits that stand for a text.
func shortened(text string) string {
	sum := sha256.Sum256([]byte(text))
	n, base, rest := new(big.Int).SetBytes(sum[:]), big.NewInt(int64(len(digits))), new(big.Int)
	id := make([]byte, 22)
	for i := range id {
		n.DivMod(n, base, rest)
		id[i] = digits[rest.Int64()]
	}
	return string(id)
}

// ID returns the id that this API gives to a message.
func ID(m store.Message) string { return idOf(m) }
