package popd

import (
	"bytes"
	"fmt"
	"io"

	"github.com/emersion/go-sasl"
	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/mailbox"
	"github.com/mailrig/mailrig/pop3"
)

// session is one client's, from the greeting to the end of the connection.
type session struct {
	cfg *Config

	// From login on.
	unlock      func()
	inbox       *mailbox.Mailbox
	uidValidity uint32
	entries     []mailbox.Entry
}

var _ pop3.AuthSession = (*session)(nil)

// Login implements pop3.Session.
func (s *session) Login(user, password string) error {
	if err := s.cfg.Session.Login(identity.UserCommand.Attempt(user, password)); err != nil {
		return inWords(err)
	}
	return s.open()
}

// AuthMechanisms implements pop3.AuthSession.
func (s *session) AuthMechanisms() []string { return s.cfg.Session.Mechanisms() }

// Auth implements pop3.AuthSession.
func (s *session) Auth(mech string) (sasl.Server, error) {
	server, err := s.cfg.Session.Authenticate(mech)
	if err != nil {
		return nil, err
	}
	return exchange{server, s}, nil
}

// exchange opens the maildrop at its end.
type exchange struct {
	sasl.Server
	session *session
}

func (x exchange) Next(response []byte) (challenge []byte, done bool, err error) {
	challenge, done, err = x.Server.Next(response)
	if done && err == nil {
		err = x.session.open()
	}
	return challenge, done && err == nil, inWords(err)
}

// open opens the maildrop of the user who has just logged in.
func (s *session) open() error {
	account, err := s.cfg.Session.Open()
	if err != nil {
		return err
	}
	unlock, err := account.LockMaildrop()
	if err != nil {
		return lockError(err)
	}
	inbox, err := account.Mailbox("INBOX")
	if err != nil {
		unlock()
		return fmt.Errorf("opening INBOX of %s: %w", account.Address(), err)
	}
	s.unlock, s.inbox = unlock, inbox
	s.uidValidity = inbox.Status().UIDValidity
	s.entries = inbox.Entries()
	s.cfg.Logger.Debug("maildrop open", "account", account.Address(), "messages", len(s.entries))
	return nil
}

// Messages implements pop3.Session.
func (s *session) Messages() ([]pop3.Message, error) {
	list := make([]pop3.Message, len(s.entries))
	for i, e := range s.entries {
		list[i] = pop3.Message{
			Size: pop3.WireSize(e.Message.Raw()),
			UID:  fmt.Sprintf("%d-%d", s.uidValidity, e.UID),
		}
	}
	return list, nil
}

// Open implements pop3.Session.
func (s *session) Open(n int) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(s.entries[n-1].Message.Raw())), nil
}

// Delete implements pop3.Session. Every message may be deleted.
func (s *session) Delete(int) error { return nil }

// Update implements pop3.Session. A message that another session has expunged in
// the meantime is gone, as the client wanted: no error.
func (s *session) Update(deleted []int) error {
	uids := make([]mailbox.UID, len(deleted))
	for i, n := range deleted {
		uids[i] = s.entries[n-1].UID
	}
	if len(uids) > 0 {
		s.inbox.Expunge(uids)
	}
	return nil
}

// Logout implements pop3.Session.
func (s *session) Logout() {
	if s.unlock != nil {
		s.unlock()
	}
	s.unlock, s.inbox, s.entries = nil, nil, nil
}
