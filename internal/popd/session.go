package popd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/pop3"
)

// session is one client's session, from the greeting to the end of the connection.
type session struct {
	cfg *Config

	// Set from login on.
	lease   store.Lease
	inbox   store.Mailbox
	entries []store.Entry
}

var (
	_ pop3.AuthSession  = (*session)(nil)
	_ pop3.LoginSession = (*session)(nil)
)

// Login implements pop3.Session.
func (s *session) Login(user, password string) error {
	if err := s.cfg.Session.Login(identity.UserCommand.Attempt(user, password)); err != nil {
		return inWords(err)
	}
	return s.open()
}

// TakesPassword implements pop3.LoginSession.
func (s *session) TakesPassword() bool { return !s.cfg.Session.NeedsSASL() }

// Stamp implements pop3.LoginSession.
func (s *session) Stamp() string { return s.cfg.Session.Stamp() }

// APOP implements pop3.LoginSession.
func (s *session) APOP(user, digest string) error {
	if err := s.cfg.Session.Login(identity.APOP(user, digest, s.Stamp())); err != nil {
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

// exchange opens the maildrop at the end of a SASL exchange.
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
		return refused(err)
	}
	if s.lease, err = s.cfg.Store.LockMaildrop(s.ctx(), account); err != nil {
		return refused(err)
	}
	if s.inbox, err = s.cfg.Store.Mailbox(s.ctx(), account, store.Inbox); err == nil {
		s.entries, err = s.cfg.Store.Entries(s.ctx(), s.inbox.ID, nil)
	}
	if err != nil {
		s.Logout()
		return refused(fmt.Errorf("opening INBOX of %s: %w", account, err))
	}
	s.cfg.Session.SawInbox() // the reply to the login says how much is in it
	s.cfg.Logger.Debug("maildrop open", "account", identity.Shown(account), "messages", len(s.entries))
	return nil
}

// ctx returns a context that ends with the connection.
func (s *session) ctx() context.Context { return s.cfg.Session.Context() }

// Messages implements pop3.Session.
func (s *session) Messages() ([]pop3.Message, error) {
	list := make([]pop3.Message, len(s.entries))
	for i, e := range s.entries {
		size, err := s.wireSize(e.Message)
		if err != nil {
			return nil, refused(err)
		}
		list[i] = pop3.Message{Size: size, UID: fmt.Sprintf("%d-%d", s.inbox.UIDValidity, e.UID)}
	}
	return list, nil
}

// wireSize is pop3.WireSize for a message of which only the end is read.
func (s *session) wireSize(m store.Message) (int64, error) {
	if raw, ok := store.Whole(m); ok {
		return pop3.WireSize(raw), nil
	}
	r, err := m.Open(s.ctx())
	if errors.Is(err, store.ErrGone) {
		return m.Size(), nil // RETR will report it
	} else if err != nil {
		return 0, err
	}
	defer r.Close()
	end := make([]byte, min(m.Size(), int64(len("\r\n"))))
	before := m.Size() - int64(len(end))
	if n, err := r.ReadAt(end, before); n < len(end) {
		return 0, fmt.Errorf("read the end of a message: %w", err)
	}
	return before + pop3.WireSize(end), nil
}

// Open implements pop3.Session.
func (s *session) Open(n int) (io.ReadCloser, error) {
	if err := s.lease.Renew(s.ctx()); err != nil {
		return nil, refused(err)
	}
	r, err := s.entries[n-1].Message.Open(s.ctx())
	if err != nil {
		return nil, refused(err)
	}
	return r, nil
}

// Delete implements pop3.Session. Every message may be deleted.
func (s *session) Delete(int) error { return nil }

// Update implements pop3.Session. A message that another session has expunged meanwhile is gone, as the client wanted:
// that isn't an error. On an error nothing is removed. (RFC 1939 section 6 would let a server remove some; the client
// finds the others again.)
func (s *session) Update(deleted []int) error {
	if len(deleted) == 0 {
		return nil
	}
	uids := make([]store.UID, len(deleted))
	for i, n := range deleted {
		uids[i] = s.entries[n-1].UID
	}
	if err := s.lease.Renew(s.ctx()); err != nil {
		return refused(err)
	}
	_, err := s.cfg.Store.Expunge(s.ctx(), s.inbox.ID, uids)
	if errors.Is(err, store.ErrNoMailbox) { // all messages are gone
		return nil
	}
	return refused(err)
}

// Logout implements pop3.Session. It releases the lock even if the connection, and so its context, has ended.
func (s *session) Logout() {
	if s.lease == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx()), releaseTime)
	defer cancel()
	if err := s.lease.Release(ctx); err != nil {
		s.cfg.Logger.Warn("the maildrop stays locked until its lease ends", "account", identity.Shown(s.inbox.Account), "err", err)
	}
	s.lease, s.entries = nil, nil
}

// releaseTime is how long the end of a connection waits for the store.
const releaseTime = 10 * time.Second
