package diagnose

import (
	"slices"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/refusal"
)

// Predicates about encryption that is switched off where the server requires it.

// tlsNeeded finds a command that the server refused because there is no TLS. If the client sent a password, or had
// tried TLS, other findings say more.
func tlsNeeded(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return !f.triedTLS() && !f.secretInClear() && !f.has((*Step).isSTARTTLS) &&
			f.has(func(s *Step) bool { return s.works() && f.wantsTLS(s) })
	})
}

// wantsTLS reports whether the server refused a command because TLS is missing (RFC 3207 section 4, RFC 4954 section 6,
// RFC 5530 section 3). POP3 has no code for this, so the words must do. Inside TLS the same words can't mean that.
func (f *Facts) wantsTLS(s *Step) bool {
	return !s.Secure && s.Reply.Class == event.Permanent && refusal.Means(f.refusal(&s.Reply), refusal.NeedsEncryption, refusal.SpeaksOfTLS)
}

// leftBeforeSTARTTLS finds a client that left a server which offers STARTTLS and no login before it. A client that only
// looks does the same, so this is a guess.
func leftBeforeSTARTTLS(c *Case) []Evidence {
	wizards := wizardProbe(c)
	return probes(c.each(func(f *Facts) bool {
		l := f.Listed[false]
		if f.triedTLS() || !f.listsSTARTTLS(l) || f.offersLogin(l) || f.End.IsZero() ||
			f.has(func(s *Step) bool { return s.works() || s.isSTARTTLS() || s.logsIn() }) || f.secretInClear() {
			return false
		}
		if has[*event.Delayed](f) || has[*event.Silenced](f) || has[*event.Cut](f) || slices.ContainsFunc(wizards, func(e Evidence) bool { return e.Sessions[0] == f }) {
			return false
		}
		return f.EndedBy == event.EndedByClient || f.has((*Step).leaves)
	}))
}

// offersLogin reports whether the list offers any way to log in.
func (f *Facts) offersLogin(l *List) bool { return len(l.Mechanisms()) > 0 || f.offersPassword(l) }
