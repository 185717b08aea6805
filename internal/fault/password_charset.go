package fault

import (
	"unicode/utf8"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/protocol"
)

// PasswordCharset lets the server read passwords in another charset than UTF-8. So a password with other characters than
// those of ASCII is right only for a client that sends it in that charset.
type PasswordCharset struct{ Name string }

// latin1 is the one charset.
const latin1 = "iso-8859-1"

// Kind implements Fault.
func (*PasswordCharset) Kind() Kind {
	return Kind{
		Name:    "password-charset",
		Doc:     "The server takes passwords for text in this charset, and refuses one that comes in UTF-8 with characters beyond ASCII.",
		Example: latin1,
		New:     func() Fault { return new(PasswordCharset) },
		ForUser: Always,
	}
}

// UnmarshalText reads a charset's name.
func (f *PasswordCharset) UnmarshalText(b []byte) error {
	if string(b) != latin1 {
		return &ValueError{Value: string(b), Known: []string{latin1}}
	}
	f.Name = latin1
	return nil
}

// Login implements LoginStage.
func (f *PasswordCharset) Login(_ *Event, a identity.Attempt) (no *identity.Refusal, decided bool) {
	if isASCII(a.Credential) || !utf8.ValidString(a.Credential) {
		return nil, false
	}
	return &identity.Refusal{Reason: protocol.WrongPassword}, true
}

// Password implements PasswordStage.
func (f *PasswordCharset) Password(sent string) string {
	if isASCII(sent) || utf8.ValidString(sent) {
		return sent
	}
	runes := make([]rune, len(sent))
	for i := range len(sent) {
		runes[i] = rune(sent[i])
	}
	return string(runes)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] > 0x7f {
			return false
		}
	}
	return true
}

// ActsIn implements Spoken: every protocol has passwords.
func (f *PasswordCharset) ActsIn(*protocol.Protocol) bool { return true }

// CheckRule refuses conditions that nobody can know at a login, and counters.
func (f *PasswordCharset) CheckRule(r *Rule) error { return r.atLogin() }

// Explain says how the server reads passwords.
func (f *PasswordCharset) Explain() string {
	return "the server takes passwords for text in " + f.Name + ", so that one with characters beyond ASCII is wrong in UTF-8"
}

// Password returns the password that the server takes from what the client sent.
func (c *Conn) Password(sent string) string {
	standing(c, func(_ *rule, s PasswordStage) bool {
		sent = s.Password(sent)
		return true
	})
	return sent
}
