package fault

import "errors"

// TokenChallenge says how a refused token is refused. RFC 7628 section 3.2 and Google send an error as a challenge first. Microsoft refuses at
// once.
type TokenChallenge struct{ None bool }

// Kind implements Fault.
func (*TokenChallenge) Kind() Kind {
	return Kind{
		Name:    "token-challenge",
		Doc:     "A token that is refused gets no error as a challenge; the refusal comes at once, as at Microsoft.",
		Example: "none",
		New:     func() Fault { return new(TokenChallenge) },
	}
}

// UnmarshalText parses the word none.
func (f *TokenChallenge) UnmarshalText(b []byte) error {
	if string(b) != "none" {
		return &ValueError{Value: string(b), Known: []string{"none"}}
	}
	f.None = true
	return nil
}

// Omits implements ChallengeStage.
func (f *TokenChallenge) Omits() bool { return f.None }

// CheckRule refuses conditions that mean nothing here, and counters.
func (*TokenChallenge) CheckRule(r *Rule) error {
	if m := r.Match; len(m.Command)+len(m.Sender)+len(m.Recipient)+len(m.Mailbox) > 0 {
		return errors.New("token-challenge: acts at logins; leave out command, sender, recipient and mailbox")
	}
	return r.uncounted()
}

// Explain says what the client sees.
func (*TokenChallenge) Explain() string {
	return "a refused token gets the refusal at once, without an error as a challenge"
}

// OmitsChallenge returns the scenario that wants a refused token to get no challenge, or "".
func (c *Conn) OmitsChallenge() (by string) {
	_, by = first(c, func(s ChallengeStage) (bool, bool) { return true, s.Omits() })
	return by
}
