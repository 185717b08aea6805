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

// User returns the name of the user who has logged in, as the client spelt it. It returns "" before login.
func (s *Session) User() string { return s.user }

// Mechanisms lists the SASL mechanisms that the server advertises now: the usual ones, best first, then those that a
// scenario asks for.
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

// Authenticate begins a SASL exchange. If the login is refused, the exchange's Next returns a *identity.Refusal. If the
// exchange ends without an error, the user has logged in. Authenticate returns identity.ErrMechanism for a mechanism
// that isn't advertised.
func (s *Session) Authenticate(mechanism string) (sasl.Server, error) {
	m, ok := identity.Find(s.shared.Mechanisms, mechanism)
	if !ok || !slices.Contains(s.Mechanisms(), mechanism) {
		return nil, identity.ErrMechanism
	}
	return m.Server(identity.Exchange{
		Context: s.Context(), Authority: s.shared.Authority, Protocol: s.spoken, Peer: s.phase.Peer(), Decide: s.Login,
	}), nil
}

// Login decides a login attempt. A refusal is returned as a *identity.Refusal.
func (s *Session) Login(a identity.Attempt) error {
	refusal := s.decide(a)
	if refusal == nil {
		refusal = s.enter(a.User)
	}
	if refusal != nil {
		injected := refusal.Injected
		refusal.Answered = func(right bool) { s.record.acknowledged(right, injected) }
		s.phase.Refused(injected)
	}
	s.record.login(a, refusal)
	if refusal != nil {
		return refusal
	}
	return nil
}

// decide asks the scenario first, because a broken login service doesn't check the password. Then it asks the
// authority. The caller may change the refusal that it returns.
func (s *Session) decide(a identity.Attempt) *identity.Refusal {
	if no := fault.AddressLogin(a.User); no != nil {
		return no
	}
	seen := a
	seen.User = s.shared.Store.Address(a.User)
	if no := s.plan.Login(seen); no != nil {
		return no
	}
	switch no, err := a.Proof(s.Context(), s.shared.Authority); {
	case err != nil:
		s.shared.Logger.Error("the authority can't decide a login; the client hears a temporary failure", "user", identity.Shown(a.User), "err", err)
		return &identity.Refusal{Reason: protocol.TemporaryFailure}
	case no != nil && no.Foreign && slices.Contains(s.plan.Mechanisms(), a.Mechanism):
		// The scenario that offers the mechanism stands for an issuer of its own.
	case no != nil:
		return no
	}
	return s.plan.Admit(seen)
}

// Preauth logs in the user whom a scenario wants logged in from the start (RFC 9051 section 7.1.4). It reports whether
// there is one. Call it before the engine starts.
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

// enter opens the account of a user whose login is right. If the store can't open it, the client sees a temporary
// failure.
func (s *Session) enter(user string) *identity.Refusal {
	account, err := s.shared.Store.OpenAccount(s.Context(), user)
	if err != nil {
		s.shared.Logger.Error("the store can't open an account; the client hears a temporary failure", "user", identity.Shown(user), "err", err)
		return &identity.Refusal{Reason: protocol.TemporaryFailure}
	}
	s.user, s.account = user, account
	return nil
}

// Logout returns the session to the state before login.
func (s *Session) Logout() {
	s.user, s.account = "", ""
	s.unseen = unseen{}
}

// Open returns the address of the logged-in user's account. It first fills INBOX if a scenario wants that. Call it once
// for each login.
func (s *Session) Open() (account string, err error) {
	if _, err := s.shared.Store.OpenAccount(s.Context(), s.account); err != nil {
		return "", err
	}
	want, ok := s.plan.Fill()
	if !ok {
		return s.account, nil
	}
	s.unseen.inbox = append(s.unseen.inbox, want.By)
	want.Once.Do(func() { err = s.fill(want) })
	return s.account, err
}

// fill adds made-up messages until INBOX has as many as the scenario wants.
func (s *Session) fill(want fault.Filling) error {
	inbox, err := s.shared.Store.Mailbox(s.Context(), s.account, store.Inbox)
	if err != nil {
		return err
	}
	st, err := s.shared.Store.Status(s.Context(), inbox.ID)
	if err != nil {
		return err
	}
	n, err := madeup.Append(s.Context(), s.shared.Store, inbox.ID, madeup.Messages{
		Count: max(0, want.Messages-int(st.Messages)), Size: want.Size, Gap: want.Gap, To: s.account,
	})
	s.record.filled(n, want.By)
	return err
}
