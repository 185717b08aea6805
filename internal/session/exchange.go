package session

import (
	"slices"

	"github.com/emersion/go-sasl"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/identity"
)

// exchange is a SASL exchange. The client is logged in when it is over, and not when the authority is content: some
// clients check then whether the server knows the password too, and cancel.
type exchange struct {
	session *Session
	server  sasl.Server
	right   identity.Attempt // what the authority is content with
}

// Authenticate begins a SASL exchange. If the login is refused, the exchange's Next returns a *identity.Refusal. If the
// exchange ends without an error, the user has logged in. Authenticate returns identity.ErrMechanism for a mechanism
// that isn't advertised.
func (s *Session) Authenticate(mechanism string) (sasl.Server, error) {
	if x := s.plan.Failing(mechanism, s.shared.Host, s.Login); x != nil {
		return x, nil
	}
	m, ok := identity.Find(s.shared.Mechanisms, mechanism)
	offered := s.Mechanisms()
	if !ok || !slices.Contains(offered, mechanism) {
		return nil, identity.ErrMechanism
	}
	s.exchange = exchange{session: s}
	s.exchange.server = m.Server(identity.Exchange{
		Context: s.Context(), Authority: s.shared.Authority, Protocol: s.spoken, Host: s.shared.Host, Offered: offered,
		Peer: s.phase.Peer(), Decide: s.exchange.decide, Connection: s.phase, Spoiler: s.spoiler(),
	})
	return &s.exchange, nil
}

func (x *exchange) decide(a identity.Attempt) error {
	if no := x.session.decide(a); no != nil {
		return x.session.settle(a, no)
	}
	x.right = a
	return nil
}

// Next implements sasl.Server.
func (x *exchange) Next(response []byte) (challenge []byte, done bool, err error) {
	challenge, done, err = x.server.Next(response)
	if !done || err != nil {
		return challenge, done, err
	}
	err = x.session.settle(x.right, x.session.enter(x.right.User))
	return challenge, err == nil, err
}

// spoiler is a scenario that spoils the server's proof.
type spoiler struct{ session *Session }

func (s *Session) spoiler() identity.Spoiler {
	if !s.plan.SpoilsProofs() {
		return nil
	}
	return spoiler{s}
}

// Spoils implements identity.Spoiler.
func (x spoiler) Spoils(part identity.ProofPart) bool {
	by := x.session.plan.SpoilsProof(part)
	if by == "" {
		return false
	}
	x.session.phase.Refused(by) // marks the line that the engine is about to send
	x.session.record.Notice(event.SpoiltProof, by)
	return true
}

// Trusted implements identity.Spoiler.
func (x spoiler) Trusted() { x.session.record.Notice(event.TrustedProof, "") }
