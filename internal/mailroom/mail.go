package mailroom

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/wait"
)

// Since lists the messages that came into a mailbox after the first n, in order of arrival, and returns how many have
// come.
func (r *Room) Since(ctx context.Context, n uint64) (all []wait.Mail, next uint64, err error) {
	return r.Newest(ctx, n, math.MaxInt)
}

// Newest is Since, but lists only the latest messages, most at most.
func (r *Room) Newest(ctx context.Context, n uint64, most int) (all []wait.Mail, next uint64, err error) {
	if next, err = r.store.Arrived(ctx); err != nil || n >= next {
		return nil, next, err
	}
	placed, err := r.store.Latest(ctx, "", n, next+1, most)
	if err != nil {
		return nil, 0, err
	}
	for _, p := range slices.Backward(placed) {
		m, err := mailOf(ctx, p)
		if errors.Is(err, store.ErrGone) {
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		all = append(all, m)
	}
	return all, next, nil
}

// Watch returns a channel that receives a token when mail has arrived. stop ends the watch.
func (r *Room) Watch(ctx context.Context) (arrived <-chan struct{}, stop func(), err error) {
	w, err := r.store.WatchArrivals(ctx)
	if err != nil {
		return nil, nil, err
	}
	return w.Changed(), w.Close, nil
}

// In lists the messages in one of a user's folders, such as INBOX, by UID. It returns none if there is no such
// account or folder.
func (r *Room) In(ctx context.Context, user, folder string) (all []wait.Mail, err error) {
	address := r.store.Address(user)
	if ok, err := r.store.HasAccount(ctx, address); !ok || err != nil {
		return nil, err
	}
	box, err := r.store.Mailbox(ctx, address, folder)
	if err == nil {
		var entries []store.Entry
		entries, err = r.store.Entries(ctx, box.ID, nil)
		for _, e := range entries {
			m, err := mailOf(ctx, store.Placed{Mailbox: box, Entry: e})
			if errors.Is(err, store.ErrGone) {
				continue
			}
			if err != nil {
				return nil, err
			}
			all = append(all, m)
		}
	}
	if err != nil && !errors.Is(err, store.ErrNoMailbox) && !errors.Is(err, store.ErrNotSelectable) {
		return nil, err
	}
	return all, nil
}

// mostSearched is the size of the largest message whose text is kept for searches, in bytes.
const mostSearched = 256 << 10

const headingKey = "wait.heading"

// headingSize is how much room is reserved for a heading that is kept with its message, in bytes.
const headingSize = 512

// errLong says that a heading takes more room.
var errLong = errors.New("a heading too long to be kept")

// heading returns the heading of a message. The message keeps it unless it is long.
func heading(ctx context.Context, m store.Message) (wait.Heading, error) {
	if h, ok := store.Kept[wait.Heading](m, headingKey); ok {
		return h, nil // without a function that would be allocated
	}
	head, err := store.MemoSized(m, headingKey, headingSize, func() (wait.Heading, error) {
		h, err := headingOf(ctx, m)
		if err == nil && h.Size() > headingSize {
			err = errLong
		}
		return h, err
	})
	if errors.Is(err, errLong) {
		return headingOf(ctx, m)
	}
	return head, err
}

func mailOf(ctx context.Context, e store.Placed) (wait.Mail, error) {
	var m wait.Mail
	err := describe(ctx, &m, e)
	m.ID = mailID(e.Entry)
	withContent(&m, e.Message)
	return m, err
}

// describe sets what m says about a message, but neither its id nor how its content is read.
func describe(ctx context.Context, m *wait.Mail, e store.Placed) error {
	head, err := heading(ctx, e.Message)
	if err != nil {
		return err
	}
	origin, err := e.Message.Origin(ctx)
	*m = wait.Mail{
		Mailbox: e.Mailbox.Account, Folder: e.Mailbox.Name, UID: uint32(e.UID), Flags: e.Flags,
		Received: origin.Received, From: origin.Envelope.From, Recipients: origin.Envelope.Recipients,
		Session: origin.Envelope.Session, Bytes: e.Message.Size(), Arrival: e.Arrival, First: origin.Arrival,
		Read: m.Read, Body: m.Body,
	}
	if m.Recipients == nil {
		m.Recipients = []string{}
	}
	m.SetHeading(head)
	return err
}

// withContent makes m read the content of a message. The functions keep only the message alive.
func withContent(m *wait.Mail, message store.Message) {
	m.Read = func(ctx context.Context) ([]byte, error) { return store.ReadAll(ctx, message) }
	m.Body = func(ctx context.Context) (string, error) { return bodyOf(ctx, message) }
}

// bodyOf returns the text of a message that searches look at.
func bodyOf(ctx context.Context, m store.Message) (string, error) {
	text := func() (string, error) {
		raw, err := store.ReadAll(ctx, m)
		return wait.BodyOf(raw), err
	}
	if m.Size() > mostSearched {
		return text()
	}
	return store.MemoSized(m, "wait.body", 128+2*m.Size(), text)
}

// headingOf reads the beginning of a message.
func headingOf(ctx context.Context, m store.Message) (wait.Heading, error) {
	if raw, ok := store.Whole(m); ok {
		return wait.HeadingOf(raw), nil
	}
	r, err := m.Open(ctx)
	if err != nil {
		return wait.Heading{}, err
	}
	defer r.Close()
	raw := make([]byte, min(m.Size(), wait.MaxHeader))
	if _, err := io.ReadFull(r, raw); err != nil {
		return wait.Heading{}, err
	}
	return wait.HeadingOf(raw), nil
}
