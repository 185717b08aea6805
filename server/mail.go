package server

import (
	"context"
	"fmt"
	"time"

	"github.com/mailrig/mailrig/internal/letter"
	"github.com/mailrig/mailrig/internal/mailroom"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/wait"
)

// Mail is a message in a mailbox. It has an ID, the account's address (Mailbox), Folder, UID and Flags, and says when it
// was Received. From and Recipients are the envelope's, and Session is the id of the session that brought it; they are
// empty if it came by APPEND. FromHeader and Subject are decoded, and Bytes is its size. Raw reads the message itself.
type Mail = wait.Mail

// Letter is a message as a person reads it: its decoded header, Text, HTML, Links, Codes (what looks like a one-time
// code, the likeliest first) and Attachments.
type Letter = letter.Letter

// LetterOf reads a message as a person does. It never fails: what is broken is shown as far as it can be read.
func LetterOf(raw []byte) *Letter { return letter.Open(raw) }

// Mail lists every message in every mailbox, in order of arrival.
func (s *Server) Mail(ctx context.Context) ([]Mail, error) {
	all, _, err := s.mail.Since(ctx, 0)
	return all, err
}

// MailIn lists the messages in one of a user's folders, such as INBOX, by UID. It returns none if there is no such
// account or folder.
func (s *Server) MailIn(ctx context.Context, user, folder string) ([]Mail, error) {
	return s.mail.In(ctx, user, folder)
}

// Deliver puts a message into a user's INBOX, as if it had arrived at this time. From then on raw belongs to the
// server.
func (s *Server) Deliver(user string, raw []byte, at time.Time) error {
	in := store.Incoming{Content: store.Bytes(raw), Received: at}
	if _, err := s.quota.Deliver(s.ctx, []string{user}, in); err != nil {
		return fmt.Errorf("put mail into the INBOX of %s: %w", user, err)
	}
	return nil
}

// Address returns a user's address: the name, with the domain appended if it has none.
func (s *Server) Address(user string) string { return s.store.Address(user) }

// ResetUser removes all mail from one user's mailboxes, loads the user's part of the seed again, and restarts the counters
// of the scenarios that are active for this user only. Sessions and findings stay. The user need not exist.
func (s *Server) ResetUser(ctx context.Context, user string) error {
	address := s.store.Address(user)
	if _, err := s.mail.DeleteMatching(ctx, mailroom.Query{User: user}); err != nil {
		return err
	}
	if err := s.active.RestartFor(ctx, address); err != nil {
		return err
	}
	_, err := s.loadSeed(address)
	return err
}
