package diagnose

import (
	"slices"
	"strings"
	"time"

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
// section 6, RFC 5530 section 3. POP3 has no code for it, so the words must do.
func (r *Reply) wantsTLS() bool {
	if r.Outcome != Permanent {
		return false
	}
	text := strings.ToLower(r.Text())
	return slices.ContainsFunc([]string{"tls", "538 5.7.11", "privacyrequired", "encrypt"},
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

// expectedAnotherProtocol: the client reads the greeting and waits on, until its patience
// is over, as most do for which the greeting has the wrong form.
func expectedAnotherProtocol(c *Case) []Evidence {
	all := c.each(func(f *Facts) bool {
		if f.Greeting.Outcome != OK || f.acted() || f.TLS != nil && f.TLS.StartTLS || f.EndedBy == transcript.EndedByShutdown {
			return false
		}
		return f.idled() && (len(f.Steps) == 0 || f.Steps[0].leaves() && len(wrongProtocol(&Case{Sessions: []*Facts{f}})) == 0)
	})
	for i := range all {
		all[i].Guess = true
		all[i].Words = map[string]string{"others": otherDoors(all[i].Sessions[0].Protocol)}
	}
	return all
}

// idled tells if the client let some seconds pass after the greeting before it said
// anything or left.
func (f *Facts) idled() bool {
	const patient = 3 * time.Second
	if len(f.Steps) > 0 {
		return f.Steps[0].At-f.Greeting.At >= patient
	}
	return !f.End.IsZero() && f.EndedBy == transcript.EndedByClient && f.End.Sub(f.Start)-f.Greeting.At >= patient
}

// otherDoors says where the other protocols are.
func otherDoors(protocol string) string {
	return map[string]string{
		"smtp": "For reading mail use port 993 (IMAP) or 995 (POP3), with SSL/TLS.",
		"imap": "For POP3 use port 995, for sending (SMTP) port 465, both with SSL/TLS.",
		"pop3": "For IMAP use port 993, for sending (SMTP) port 465, both with SSL/TLS.",
	}[protocol]
}
