package fault

import (
	"fmt"
	"slices"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/protocol"
)

// Login refuses logins, with the name of a common refusal or with a reply for each protocol. A protocol without a reply
// accepts logins as usual.
type Login struct {
	Texts `smtp:"the SMTP reply, like 535 5.7.8 Authentication credentials invalid" imap:"the IMAP status, like NO [AUTHENTICATIONFAILED] Authentication failed" pop3:"the POP3 status, like -ERR [AUTH] Authentication failed"`

	reason protocol.Reason // given in place of replies
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

// UnmarshalText parses the name of a refusal.
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

// ValidateFor fills in the usual replies for the reason, and checks the form of each reply. A reply must refuse the login.
func (f *Login) ValidateFor(among Protocols) error {
	if f.reason != "" {
		f.Texts = usual(f.reason, among)
	}
	return checkRefusals(f.Texts, among)
}

// Login implements LoginStage.
func (f *Login) Login(e *Event, _ identity.Attempt) (no *identity.Refusal, decided bool) {
	if f.For(e.Protocol) == "" {
		return nil, false
	}
	return refusalOf(f.Texts), true
}
