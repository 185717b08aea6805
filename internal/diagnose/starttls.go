package diagnose

import (
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

// Predicates about STARTTLS: what comes before the handshake and is believed after it, and what a client does without TLS.

// spokeBeforeHandshake finds bytes in clear between STARTTLS and the handshake. An attacker could have put them there
// (RFC 3207 section 4.2).
func spokeBeforeHandshake(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return has[*event.BehindSTARTTLS](f) })
}

// repeatedSTARTTLS finds a STARTTLS inside TLS (RFC 3207 section 4.2).
func repeatedSTARTTLS(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return f.has(func(s *Step) bool { return s.isSTARTTLS() && s.Secure }) })
}

// upgraded reports whether the session went on inside TLS after STARTTLS.
func (f *Facts) upgraded() bool {
	return f.onTLS() && f.TLS.StartTLS && f.has(func(s *Step) bool { return s.Secure && (s.works() || s.asks()) })
}

func canUpgrade(c *Case) bool { return c.any((*Facts).upgraded) }

// askedAgain reports whether the client learnt the capabilities inside TLS before it did anything that needs them. A
// client that may do without the list, and never asks for it, needs none. A login by password needs none either, if the
// client takes the list from the reply to it, or asks behind it (RFC 9051 sections 6.2.2 and 7.2.2).
func (f *Facts) askedAgain() bool {
	for i, s := range f.inTurn() {
		switch {
		case !s.Secure:
		case s.asks():
			return true
		case s.logsIn() && f.speaks.ListsMore && f.listsBehind(f.Steps[i:]):
			return true
		case s.works():
			return f.speaks.ListOptional && f.Listed[false] == nil
		}
	}
	return true
}

// askedFirst reports whether the client asked for the capabilities inside TLS before it did anything else there.
func (f *Facts) askedFirst() bool {
	i := slices.IndexFunc(f.Steps, func(s *Step) bool { return s.Secure && (s.asks() || s.works()) })
	return i < 0 || f.Steps[i].asks() || f.speaks.ListOptional && f.Listed[false] == nil
}

// listsBehind reports whether the capabilities came with the reply to a login, or the client asked for them next.
func (f *Facts) listsBehind(steps []*Step) bool {
	login := steps[0]
	if f.speaks.Replies != nil {
		if _, ok := f.speaks.Replies.List(login.Verb, login.Reply.Lines); ok {
			return true
		}
	}
	return len(steps) > 1 && (steps[1].asks() || steps[1].logsIn() && f.listsBehind(steps[1:]))
}

// askedCapabilitiesAgain finds a client that asks for the capabilities inside TLS, as RFC 3207 section 4.2 and RFC 9051
// section 6.2.1 require.
func askedCapabilitiesAgain(c *Case) []Evidence {
	all := c.each(func(f *Facts) bool { return f.upgraded() && f.askedAgain() })
	if len(capabilitiesNotAskedAgain(c)) > 0 {
		return nil
	}
	return all
}

func capabilitiesNotAskedAgain(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return f.upgraded() && !f.askedAgain() })
}

// trustedDataFromBeforeTLS finds a client that believes inside TLS what it was told in clear. Proof is one of three
// things: the client went on without a reply because an injected one had already arrived; it uses what only the
// injected data contains; it goes by an edited list without asking for a new one.
func trustedDataFromBeforeTLS(c *Case) []Evidence {
	fooled := believed(c)
	return c.each(func(f *Facts) bool {
		if f.Noticed(event.TookInjected) {
			return true
		}
		if !f.upgraded() {
			return false
		}
		if slices.Contains(fooled, f) {
			return true
		}
		edited := f.Listed[false] != nil && f.Listed[false].Injected != ""
		return edited && !f.askedFirst() && !f.defies(f.Listed[false])
	})
}

// defies reports whether the client logs in inside TLS in a way that a list doesn't allow. It hasn't gone by that list then.
func (f *Facts) defies(l *List) bool {
	s := f.step(func(s *Step) bool { return s.Secure && s.ofLogin() })
	return s != nil && s.against(l)
}

// fellBackToClear finds a client that wanted TLS, didn't get it, and did its work without. Within one session, and with a
// control run, that is certain. Two sessions may be two programs', or two users', so what they show together is a guess,
// and needs the same protocol within a short time.
func fellBackToClear(c *Case) (all []Evidence) {
	for _, f := range c.Sessions {
		if f.onTLS() || !f.worksInClear() {
			continue
		}
		switch first := f.step(func(s *Step) bool { return s.isSTARTTLS() && !s.Secure }); {
		case first != nil: // it asked for TLS in this very session, and the server refused
			i := slices.Index(f.Steps, first)
			if slices.ContainsFunc(f.Steps[i+1:], (*Step).works) || f.secretInClear() {
				all = append(all, Evidence{Sessions: []*Facts{f}})
			}
		case c.Control != nil:
			if c.wantsTLS(f.Protocol, f) {
				all = append(all, Evidence{Sessions: []*Facts{f}})
			}
		default:
			if before := c.failedTLSBefore(f); before != nil {
				all = append(all, Evidence{Sessions: []*Facts{before, f}, Guess: true, Severity: Info})
			}
		}
	}
	return all
}

// failedTLSBefore returns the session of the same client, in the same protocol and a moment before, in which TLS failed or
// wasn't offered. It returns nil if the two sessions show different users or programs.
func (c *Case) failedTLSBefore(f *Facts) *Facts {
	const moment = 30 * time.Second
	for _, before := range slices.Backward(c.Sessions) {
		if before == f || before.End.IsZero() || before.End.After(f.Start.Add(time.Second)) || f.Start.Sub(before.End) > moment {
			continue
		}
		if before.Host != f.Host || before.Protocol != f.Protocol || !before.beganTLS() || before.worksInClear() || before.introduced() != f.introduced() {
			continue
		}
		if !before.onTLS() || f.acted() && !f.offeredSTARTTLS() && before.user() != "" && before.user() == f.user() {
			return before
		}
	}
	return nil
}

// introduced returns the name by which the client introduced itself in its first command, as SMTP clients do. It is ""
// for a client that said nothing.
func (f *Facts) introduced() string {
	if len(f.Steps) == 0 || !f.Steps[0].Word.Asks || f.receives() {
		return ""
	}
	return strings.ToLower(f.Steps[0].Args)
}

// stoppedWithoutTLS finds a client that left a server which doesn't offer TLS, without having done its work.
func stoppedWithoutTLS(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		if f.triedTLS() || len(f.Steps) == 0 || f.worksInClear() || !f.acted() {
			return false
		}
		return f.has((*Step).isSTARTTLS) || f.Listed[false] != nil && !f.offeredSTARTTLS()
	})
}
