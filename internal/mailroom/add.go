package mailroom

import (
	"context"
	"errors"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/wait"
)

// Deliver puts a message into the INBOX of each recipient, and returns it as it is there. From then on raw belongs to
// the store.
func (r *Room) Deliver(ctx context.Context, sender string, recipients []string, raw []byte) ([]wait.Mail, error) {
	in := store.Incoming{Content: store.Bytes(raw), Envelope: store.Envelope{From: sender, Recipients: recipients}}
	delivered, err := r.store.Deliver(ctx, recipients, in)
	if err != nil {
		return nil, err
	}
	list := []wait.Mail{}
	for _, d := range delivered {
		box := store.Mailbox{ID: d.Mailbox, Account: d.Account, Name: store.Inbox}
		if list, err = r.added(ctx, list, box, d.UID); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Append puts a message into a user's mailbox, which is made if it is missing, and returns it as it is there. From then
// on raw belongs to the store.
func (r *Room) Append(ctx context.Context, user, folder string, flags []string, raw []byte) ([]wait.Mail, error) {
	box, err := r.store.Mailbox(ctx, user, folder)
	if errors.Is(err, store.ErrNoMailbox) || errors.Is(err, store.ErrNotSelectable) {
		if err = r.store.Create(ctx, user, folder, ""); err == nil {
			box, err = r.store.Mailbox(ctx, user, folder)
		}
	}
	if err != nil {
		return nil, err
	}
	uids, err := r.store.Append(ctx, box.ID, []store.Incoming{{Content: store.Bytes(raw), Flags: flags}})
	if err != nil {
		return nil, err
	}
	return r.added(ctx, []wait.Mail{}, box, uids...)
}

// added appends messages that have just been added. One that somebody has already removed is left out.
func (r *Room) added(ctx context.Context, list []wait.Mail, box store.Mailbox, uids ...store.UID) ([]wait.Mail, error) {
	entries, err := r.store.Entries(ctx, box.ID, uids)
	if err != nil && !errors.Is(err, store.ErrNoMailbox) {
		return nil, err
	}
	for _, e := range entries {
		m, err := mailOf(ctx, store.Placed{Mailbox: box, Entry: e})
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}
