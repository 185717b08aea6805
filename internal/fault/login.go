package fault

import (
	"fmt"
	"slices"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/protocol"
)

// Login refuses logins: by the name of a usual refusal, or with a reply for each
// protocol. Without a reply for a protocol, its logins go through.
type Login struct {
	Texts `smtp:"the SMTP reply, like 535 5.7.8 Authentication credentials invalid" imap:"the IMAP status, like NO [AUTHENTICATIONFAILED] Authentication failed" pop3:"the POP3 status, like -ERR [AUTH] Authentication failed"`

	reason protocol.Reason // given in place of the replies
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
	var known []string
	for _, reason := range protocol.LoginReasons() {
		known = append(known, string(reason))
	}
	if !slices.Contains(known, string(b)) {
		return fmt.Errorf("%w; or give the replies: {smtp: …, imap: …, pop3: …}", &ValueError{Value: string(b), Known: known})
	}
	f.reason = protocol.Reason(b)
	return nil
}

// ValidateFor fills in what is usual for the reason, and checks the form of each reply; a
// refusal must refuse.
func (f *Login) ValidateFor(among Protocols) error {
	if f.reason != "" {
		f.Texts = usual(f.reason, among)
	}
	return checkRefusals(f.Texts, among)
}

// Login implements LoginStage.
func (f *Login) Login(e *Event, _ identity.Attempt) *identity.Refusal {
	if f.For(e.Protocol) == "" {
		return nil
	}
	return refusalOf(f.Texts)
}
