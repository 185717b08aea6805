package server

import (
	"fmt"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/mailbox"
	"github.com/mailrig/mailrig/internal/wait"
)

// Mail is a message in a mailbox: the account's address (Mailbox), Folder, UID, Flags and
// when it was Received; From and Recipients of the envelope, empty when it came by APPEND,
// with the Session that brought it; FromHeader and Subject, decoded; its size in Bytes.
// Content reads the message itself, Raw does without an error.
type Mail = wait.Mail

// Mail lists every message in every mailbox, in the order in which they came.
func (s *Server) Mail() (all []Mail) {
	for _, address := range s.store.Accounts() {
		account, ok := s.store.Lookup(address)
		if !ok {
			continue
		}
		for _, info := range account.List() {
			all = append(all, mailIn(account, info.Name)...)
		}
	}
	slices.SortStableFunc(all, func(a, b Mail) int { return a.Received.Compare(b.Received) })
	return all
}

// MailIn lists the messages in one of an account's folders, such as INBOX, by UID; none
// when there is no such account or folder.
func (s *Server) MailIn(address, folder string) []Mail {
	account, ok := s.store.Lookup(address)
	if !ok {
		return nil
	}
	return mailIn(account, folder)
}

func mailIn(account *mailbox.Account, folder string) (all []Mail) {
	box, err := account.Mailbox(folder)
	if err != nil {
		return nil // only a name, or gone
	}
	for _, e := range box.Entries() {
		m, env := e.Message, e.Message.Envelope()
		head := m.Memo("wait.heading", func() any { return wait.HeadingOf(m.Raw()) }).(wait.Heading)
		all = append(all, Mail{
			Mailbox: account.Address(), Folder: box.Name(), UID: uint32(e.UID), Flags: e.Flags, Received: m.Received(),
			From: env.From, Recipients: append([]string{}, env.Recipients...), Session: env.Session,
			FromHeader: head.From, Subject: head.Subject, Bytes: m.Size(),
			Read: func() ([]byte, error) { return m.Raw(), nil },
		})
	}
	return all
}

// Deliver puts a message into a user's INBOX, as if it had come at this time. raw belongs
// to the server from now on.
func (s *Server) Deliver(user string, raw []byte, at time.Time) error {
	if _, err := s.store.Deliver(user, mailbox.NewMessage(raw, at, mailbox.Envelope{})); err != nil {
		return fmt.Errorf("put mail into the INBOX of %s: %w", user, err)
	}
	return nil
}

// Address is the address of a user: the name, with the domain where it has none.
func (s *Server) Address(user string) string { return s.store.Address(user) }
