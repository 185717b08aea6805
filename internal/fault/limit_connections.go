package fault

import (
	"fmt"
	"strings"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/protocol"
)

// LimitConnections refuses the login of a user who is already logged in on Max connections to the doors that the rule
// matches. It counts real connections: one that ends makes room for another.
type LimitConnections struct {
	Max   int `yaml:"max" doc:"how many connections a user may have, 0 or more"`
	Texts `smtp:"the SMTP reply; 421 4.7.0 … by default" imap:"the IMAP status; NO [LIMIT] … when left out" pop3:"the POP3 status; -ERR [SYS/TEMP] … when left out"`
}

// Kind implements Fault.
func (*LimitConnections) Kind() Kind {
	return Kind{
		Name:    "limit-connections",
		Doc:     "The server refuses logins while the user already has this many connections.",
		Example: "{max: 2}",
		New:     func() Fault { return new(LimitConnections) },
		ForUser: Always,
	}
}

// ValidateFor fills in the default replies and checks the limits.
func (f *LimitConnections) ValidateFor(among Protocols) error {
	if f.Max < 0 {
		return fmt.Errorf("max: can't be negative")
	}
	fillIn(&f.Texts, usual(protocol.TooManyLogins, among))
	return checkRefusals(f.Texts, among)
}

// Admit implements AdmitStage.
func (f *LimitConnections) Admit(a identity.Attempt, n Counts) *identity.Refusal {
	if n.Hold(strings.ToLower(a.User), f.Max) {
		return nil
	}
	return refusalOf(f.Texts)
}

// ActsIn implements Spoken: missing replies are filled in.
func (f *LimitConnections) ActsIn(*protocol.Protocol) bool { return true }

// Admit returns the refusal of a login that is right in every other way, if a rule refuses it because of what the user
// is already doing.
func (c *Conn) Admit(a identity.Attempt) *identity.Refusal {
	var no *identity.Refusal
	var by string
	each(c, func(r *rule, s AdmitStage) bool {
		if no = s.Admit(a, Counts{c, r}); no == nil || !r.take(c) {
			no = nil
			return false
		}
		by = c.acts(r)
		return true
	})
	return refusal(no, by)
}
