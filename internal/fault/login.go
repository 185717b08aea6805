package fault

import (
	"fmt"

	"github.com/mailrig/mailrig/internal/identity"
)

// Login refuses logins: by the name of a usual refusal, or with a reply for each
// protocol. Without a reply for a protocol, its logins go through.
type Login struct {
	Texts `smtp:"the SMTP reply, like 535 5.7.8 Authentication credentials invalid" imap:"the IMAP status, like NO [AUTHENTICATIONFAILED] Authentication failed" pop3:"the POP3 status, like -ERR [AUTH] Authentication failed"`
}

// Kind implements Fault.
func (*Login) Kind() Kind {
	return Kind{
		Name:    "login",
		Doc:     "The server refuses every login this way.",
		Example: "wrong-password",
		New:     func() Fault { return new(Login) },
		ForUser: Always,
	}
}

// UnmarshalText reads the name of a refusal.
func (f *Login) UnmarshalText(b []byte) error {
	r, ok := identity.Named(string(b))
	if !ok {
		return fmt.Errorf("%w; or give the replies: {smtp: …, imap: …, pop3: …}", &ValueError{Value: string(b), Known: identity.Names()})
	}
	f.Texts = usual(r)
	return nil
}

// ValidateFor checks the form of each reply; a refusal must refuse.
func (f *Login) ValidateFor(among Protocols) error { return checkRefusals(f.Texts, among) }

// Login implements LoginStage.
func (f *Login) Login(e *Event, _ identity.Attempt) *identity.Refusal {
	if f.For(e.Protocol) == "" {
		return nil
	}
	return refusalOf(f.Texts)
}
