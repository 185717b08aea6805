package imapd

import (
	"errors"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"

	"github.com/mailrig/mailrig/internal/identity"
	proto "github.com/mailrig/mailrig/internal/protocol/imap"
)

// Login handles the LOGIN command. The gate lists LOGINDISABLED if it is refused (RFC 9051 section 6.2.3).
func (s *session) Login(user, password string) error {
	if s.cfg.Session.NeedsSASL() {
		return no("", "LOGIN is disabled; log in by AUTHENTICATE")
	}
	if err := s.cfg.Session.Login(identity.LoginCommand.Attempt(user, password)); err != nil {
		return s.inWords(err)
	}
	return s.enter()
}

// AuthenticateMechanisms returns the names for the AUTH= capabilities.
func (s *session) AuthenticateMechanisms() []string { return s.cfg.Session.Mechanisms() }

// Authenticate starts a SASL exchange. The engine keeps its writer locked during the exchange, so nothing may be
// written to the client from here.
func (s *session) Authenticate(mechanism string) (sasl.Server, error) {
	server, err := s.cfg.Session.Authenticate(mechanism)
	if err != nil {
		return nil, no("", "That SASL mechanism is not supported")
	}
	return exchange{server, s}, nil
}

// enter opens the account of the user who has just logged in.
func (s *session) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(); err != nil {
		s.cfg.Session.Logout()
		return refused(err)
	}
	return nil
}

// open makes the user's account the session's. Once the engine runs, the caller holds mu.
func (s *session) open() error {
	account, err := s.cfg.Session.Open()
	if err != nil {
		return err
	}
	s.naming.Delimiter, s.naming.Prefix = s.cfg.Session.Naming()
	if folders := s.cfg.Session.Folders(); len(folders) > 0 {
		if err := s.cfg.Store.Arrange(s.ctx(), account, folders); err != nil {
			return err
		}
	}
	s.account = account
	return nil
}

// inWords puts a refusal into the engine's words. Any other error is the mechanism's complaint about what the client
// sent.
func (s *session) inWords(err error) error {
	if no := (*identity.Refusal)(nil); errors.As(err, &no) {
		return s.refusal(no)
	}
	return bad("Malformed SASL response")
}

func (s *session) refusal(r *identity.Refusal) error {
	text := r.Reply(proto.Protocol)
	reply, err := proto.Parse(text)
	if err != nil || reply.Type == "OK" {
		s.cfg.Logger.Error("login refusal has no usable IMAP reply", "reply", text, "err", err)
		return no(imap.ResponseCodeAuthenticationFailed, "Authentication failed")
	}
	e := &imap.Error{
		Type: imap.StatusResponseType(reply.Type),
		Code: imap.ResponseCode(reply.Code),
		Text: reply.Text,
	}
	if reply.Type == "BYE" { // a BYE is never tagged (RFC 9051 section 7.1.5)
		return s.wire.bye(e)
	}
	return e
}

// exchange translates what a mechanism says into what the engine expects, and opens the account at the end.
type exchange struct {
	sasl.Server
	session *session
}

func (x exchange) Next(response []byte) (challenge []byte, done bool, err error) {
	challenge, done, err = x.Server.Next(response)
	switch {
	case err != nil:
		err = x.session.inWords(err)
	case done:
		err = x.session.enter()
	}
	if len(challenge) == 0 {
		challenge = nil // the engine would write "=", which only a client may send
	}
	return challenge, done && err == nil, err
}

// Unauthenticate returns to the state before login (RFC 8437).
func (s *session) Unauthenticate() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unselect()
	s.account, s.renumbered = "", renumbered{}
	s.cfg.Session.Logout()
	return nil
}
