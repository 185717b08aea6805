package imapd

import (
	"errors"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"

	"github.com/mailrig/mailrig/internal/login"
)

// Login is the LOGIN command.
func (s *session) Login(user, password string) error {
	return s.enter(login.Attempt{Mechanism: "LOGIN", User: user, Password: password})
}

// AuthenticateMechanisms are the AUTH= capabilities.
func (s *session) AuthenticateMechanisms() []string { return login.Mechanisms(s.tokens()...) }

func (s *session) tokens() []string {
	if s.cfg.Mechanisms == nil {
		return nil
	}
	return s.cfg.Mechanisms()
}

// Authenticate starts a SASL exchange. The engine keeps its writer locked during it:
// nothing may be written to the client from in here.
func (s *session) Authenticate(mechanism string) (sasl.Server, error) {
	server, err := login.Server(mechanism, s.enter, s.tokens()...)
	if err != nil {
		return nil, no("", "That SASL mechanism is not supported")
	}
	return exchange{server}, nil
}

// open makes the user's account the session's.
func (s *session) open(user string) {
	s.account = s.cfg.Store.Account(user)
	s.naming = plain
	if s.cfg.Naming != nil {
		s.naming = s.cfg.Naming()
	}
	if s.cfg.Folders != nil {
		if folders := s.cfg.Folders(); len(folders) > 0 {
			s.account.Arrange(folders)
		}
	}
}

// enter asks the authority and opens the account.
func (s *session) enter(a login.Attempt) error {
	if r := s.cfg.Login(a); r != nil {
		return r.Before(s.refusal(r))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open(a.User)
	return nil
}

func (s *session) refusal(r *login.Refusal) error {
	reply, err := login.ParseIMAP(r.IMAP)
	if err != nil || reply.Type == "OK" {
		s.cfg.Logger.Error("login refusal has no usable IMAP reply", "reply", r.IMAP, "err", err)
		return no(imap.ResponseCodeAuthenticationFailed, "Authentication failed")
	}
	e := &imap.Error{
		Type: imap.StatusResponseType(reply.Type),
		Code: imap.ResponseCode(reply.Code),
		Text: reply.Text,
	}
	if reply.Type == "BYE" { // never tagged (RFC 9051 section 7.1.5)
		return s.wire.bye(e)
	}
	return e
}

// exchange adapts what a mechanism says to what the engine expects.
type exchange struct{ sasl.Server }

func (x exchange) Next(response []byte) (challenge []byte, done bool, err error) {
	challenge, done, err = x.Server.Next(response)
	var reply *imap.Error
	if err != nil && !errors.As(err, &reply) {
		err = bad("Malformed SASL response")
	}
	if len(challenge) == 0 {
		challenge = nil // the engine would write "=", which only a client may
	}
	return challenge, done, err
}

// Unauthenticate goes back to the state before login (RFC 8437).
func (s *session) Unauthenticate() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unselect()
	s.account = nil
	return nil
}
