package session

import (
	"slices"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/madeup"
)

// User returns the name of the user who has logged in, as the client spelt it. It returns "" before login.
func (s *Session) User() string { return s.user }

// Login decides a login attempt. A refusal is returned as a *identity.Refusal.
func (s *Session) Login(a identity.Attempt) error {
	no := s.decide(a)
	if no == nil {
		no = s.enter(a.User)
	}
	return s.settle(a, no)
}

// settle records the outcome of an attempt, and returns it as an error.
func (s *Session) settle(a identity.Attempt, no *identity.Refusal) error {
	if no == nil {
		s.record.login(a, nil)
		return nil
	}
	if no.Challenge != "" && s.plan.OmitsChallenge() != "" {
		no.Challenge = ""
	}
	injected := no.Injected
	no.Answered = func(right bool) { s.record.acknowledged(right, injected) }
	s.phase.Refused(injected)
	if no.Challenge != "" {
		s.phase.Acknowledges()
	}
	s.record.login(a, no)
	return no
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
	if a.Exposes {
		if password := s.plan.Password(a.Credential); password != a.Credential {
			a = a.WithPassword(password)
		}
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
