package diagnose

import (
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/transcript"
)

// Predicates about encryption that is switched off where the server wants it.

// tlsNeeded: what the client came for was refused because there is no TLS. Where a
// password was sent, and where TLS had been tried, other findings say more.
func tlsNeeded(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.TLS == nil && !f.secretInClear() && !f.has((*Step).isSTARTTLS) &&
			f.has(func(s *Step) bool { return s.works() && s.Reply.wantsTLS() })
	})
}

// wantsTLS tells if a command was refused for want of TLS: RFC 3207 section 4, RFC 4954
// section 6, RFC 5530 section 3.
func (r *Reply) wantsTLS() bool {
	if r.Outcome != Permanent {
		return false
	}
	text := strings.ToLower(r.Text())
	return slices.ContainsFunc([]string{"must issue a starttls", "538 5.7.11", "privacyrequired", "stls first", "encryption required"},
		func(sign string) bool { return strings.Contains(text, sign) })
}

// leftBeforeSTARTTLS: the server offers STARTTLS, and no login before it; the client
// looked at that and left. What only looks does the same, so it is a guess.
func leftBeforeSTARTTLS(c *Case) []Evidence {
	wizards := wizardProbe(c)
	all := c.each(func(f *Facts) bool {
		l := f.Listed[false]
		if f.TLS != nil || !l.Has("STARTTLS") && !l.Has("STLS") || l.offersLogin(f.Protocol) || f.End.IsZero() ||
			f.has(func(s *Step) bool { return s.works() || s.isSTARTTLS() || s.logsIn() }) || f.secretInClear() {
			return false
		}
		if f.Has(transcript.Delayed) || f.Has(transcript.Silent) || f.Has(transcript.Cut) || slices.ContainsFunc(wizards, func(e Evidence) bool { return e.Sessions[0] == f }) {
			return false
		}
		return f.EndedBy == transcript.EndedByClient || f.has((*Step).leaves)
	})
	for i := range all {
		all[i].Guess = true
	}
	return all
}

// offersLogin tells if the list has a way of logging in.
func (l *List) offersLogin(protocol string) bool {
	switch {
	case len(l.Mechanisms()) > 0:
		return true
	case protocol == "imap":
		return !l.Has("LOGINDISABLED")
	}
	return protocol == "pop3" && l.Has("USER")
}
