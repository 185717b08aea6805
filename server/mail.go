package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/wait"
)

// Mail is a message in a mailbox. It has the account's address (Mailbox), Folder, UID and Flags, and says when it was
// Received. From and Recipients are the envelope's, and Session is the id of the session that brought it; they are
// empty if it came by APPEND. FromHeader and Subject are decoded, and Bytes is its size. Raw reads the message itself.
type Mail = wait.Mail

// Mail lists every message in every mailbox, in order of arrival.
func (s *Server) Mail(ctx context.Context) (all []Mail, err error) {
	accounts, err := s.store.ListAccounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, address := range accounts {
		if ok, err := s.store.HasAccount(ctx, address); err != nil {
			return nil, err
		} else if !ok {
			continue // a Reset has intervened
		}
		folders, err := s.store.List(ctx, address)
		if err != nil {
			return nil, err
		}
		for _, folder := range folders {
			if all, err = s.mailIn(ctx, all, address, folder.Name); err != nil {
				return nil, err
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Mail) int { return a.Received.Compare(b.Received) })
	return all, nil
}

// MailIn lists the messages in one of a user's folders, such as INBOX, by UID. It returns none if there is no such
// account or folder.
func (s *Server) MailIn(ctx context.Context, user, folder string) ([]Mail, error) {
	address := s.store.Address(user)
	if ok, err := s.store.HasAccount(ctx, address); !ok || err != nil {
		return nil, err
	}
	return s.mailIn(ctx, nil, address, folder)
}

// mailIn appends the messages in one mailbox. It appends none if the name is only a parent or has just been deleted.
func (s *Server) mailIn(ctx context.Context, all []Mail, address, folder string) ([]Mail, error) {
	box, err := s.store.Mailbox(ctx, address, folder)
	if err == nil {
		var entries []store.Entry
		entries, err = s.store.Entries(ctx, box.ID, nil)
		for _, e := range entries {
			m, err := mailOf(ctx, box, e)
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

func mailOf(ctx context.Context, box store.Mailbox, e store.Entry) (Mail, error) {
	head, err := store.Memo(e.Message, "wait.heading", func() (wait.Heading, error) { return headingOf(ctx, e.Message) })
	if err != nil {
		return Mail{}, err
	}
	origin, err := e.Message.Origin(ctx)
	return Mail{
		Mailbox: box.Account, Folder: box.Name, UID: uint32(e.UID), Flags: e.Flags, Received: origin.Received,
		From: origin.Envelope.From, Recipients: append([]string{}, origin.Envelope.Recipients...), Session: origin.Envelope.Session,
		FromHeader: head.From, Subject: head.Subject, Bytes: e.Message.Size(),
		Read: func(ctx context.Context) ([]byte, error) { return store.ReadAll(ctx, e.Message) },
	}, err
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

// Deliver puts a message into a user's INBOX, as if it had arrived at this time. From then on raw belongs to the
// server.
func (s *Server) Deliver(user string, raw []byte, at time.Time) error {
	in := store.Incoming{Content: store.Bytes(raw), Received: at}
	if _, err := s.store.Deliver(s.ctx, []string{user}, in); err != nil {
		return fmt.Errorf("put mail into the INBOX of %s: %w", user, err)
	}
	return nil
}

// Address returns a user's address: the name, with the domain appended if it has none.
func (s *Server) Address(user string) string { return s.store.Address(user) }
