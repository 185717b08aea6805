package session

import (
	"slices"

	"github.com/emersion/go-sasl"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/madeup"
)

// User is who has logged in, as the client named itself; "" before login.
func (s *Session) User() string { return s.user }

// Mechanisms lists the SASL mechanisms that are offered now: the usual ones, best first,
// and those that a scenario asks for.
func (s *Session) Mechanisms() (names []string) {
	for _, m := range s.shared.Mechanisms {
		if !m.OnRequest && s.shared.Authority.Meets(m.Needs) {
			names = append(names, m.Name)
		}
	}
	for _, name := range s.plan.Mechanisms() {
		m, ok := identity.Find(s.shared.Mechanisms, name)
		if ok && m.OnRequest && s.shared.Authority.Meets(m.Needs) {
			names = append(names, name)
		}
	}
	return names
}

// Authenticate begins an exchange, whose Next returns a *identity.Refusal for a login
// that is refused. When it is done without an error, the user has logged in. The error is
// identity.ErrMechanism for a mechanism that isn't offered.
func (s *Session) Authenticate(mechanism string) (sasl.Server, error) {
	m, ok := identity.Find(s.shared.Mechanisms, mechanism)
	if !ok || !slices.Contains(s.Mechanisms(), mechanism) {
		return nil, identity.ErrMechanism
	}
	return m.Server(identity.Exchange{
		Context: s.ctx, Authority: s.shared.Authority, Peer: s.phase.Peer(), Decide: s.Login,
	}), nil
}

// Login decides an attempt; the error is a *identity.Refusal.
func (s *Session) Login(a identity.Attempt) error {
	refusal := s.decide(a)
	if refusal == nil {
		refusal = s.enter(a.User)
	}
	injected := ""
	if refusal != nil {
		injected = refusal.Injected
		refusal.Answered = func(right bool) { s.record.acknowledged(right, injected) }
		s.phase.Refused(injected)
	}
	s.record.login(a, refusal == nil, injected)
	if refusal != nil {
		return refusal
	}
	return nil
}

// decide asks the scenario first, because a broken login service doesn't look at the
// password, and then the authority. The refusal is the caller's own.
func (s *Session) decide(a identity.Attempt) *identity.Refusal {
	if no := fault.AddressLogin(a.User); no != nil {
		return no
	}
	seen := a
	seen.User = s.shared.Store.Address(a.User)
	if no := s.plan.Login(seen); no != nil {
		return no
	}
	switch right, err := a.Proof(s.ctx, s.shared.Authority); {
	case err != nil:
		s.shared.Logger.Error("the authority can't decide a login; the client hears a temporary failure", "user", a.User, "err", err)
		return &identity.Refusal{Reason: protocol.TemporaryFailure}
	case !right:
		return &identity.Refusal{Reason: protocol.WrongPassword}
	}
	return s.plan.Admit(seen)
}

// Preauth logs in the user as whom IMAP begins (RFC 9051 section 7.1.4), and reports
// whether there is one. It is asked before the engine starts.
func (s *Session) Preauth() bool {
	st := s.plan.Start()
	if st.User == "" {
		return false
	}
	s.record.preauth(st)
	s.user, s.account = st.User, s.shared.Store.Address(st.User)
	s.plan.Claims(s.account)
	s.phase.LoggedIn()
	return true
}

// enter opens the account of a user whose login is right. A store that can't do that is a
// temporary failure.
func (s *Session) enter(user string) *identity.Refusal {
	account, err := s.shared.Store.OpenAccount(s.ctx, user)
	if err != nil {
		s.shared.Logger.Error("the store can't open an account; the client hears a temporary failure", "user", user, "err", err)
		return &identity.Refusal{Reason: protocol.TemporaryFailure}
	}
	s.user, s.account = user, account
	return nil
}

// Logout goes back to the state before login.
func (s *Session) Logout() { s.user, s.account = "", "" }

// Open returns the address of the account of the user who has logged in, its INBOX as
// large as a scenario wants it. It is called once for each login.
func (s *Session) Open() (account string, err error) {
	if _, err := s.shared.Store.OpenAccount(s.ctx, s.account); err != nil {
		return "", err
	}
	want, ok := s.plan.Fill()
	if !ok {
		return s.account, nil
	}
	s.record.Injected(want.By)
	want.Once.Do(func() { err = s.fill(want) })
	return s.account, err
}

// fill adds messages that are made up until INBOX has as many as are wanted.
func (s *Session) fill(want fault.Filling) error {
	inbox, err := s.shared.Store.Mailbox(s.ctx, s.account, store.Inbox)
	if err != nil {
		return err
	}
	st, err := s.shared.Store.Status(s.ctx, inbox.ID)
	if err != nil {
		return err
	}
	n, err := madeup.Append(s.ctx, s.shared.Store, inbox.ID, madeup.Messages{
		Count: max(0, want.Messages-int(st.Messages)), Size: want.Size, Gap: want.Gap, To: s.account,
	})
	s.record.filled(n, want.By)
	return err
}
