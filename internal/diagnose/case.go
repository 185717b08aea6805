package diagnose

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/lazyregexp"
	"github.com/mailrig/mailrig/internal/protocol"
)

// This file holds what predicates share.

// each lists the sessions for which f is true, one piece of evidence each.
func (c *Case) each(f func(*Facts) bool) (all []Evidence) {
	for _, s := range c.Sessions {
		s.shown = nil
		if f(s) {
			all = append(all, Evidence{Sessions: []*Facts{s}, Step: s.shown})
		}
	}
	return all
}

// any reports whether f is true for any session.
func (c *Case) any(f func(*Facts) bool) bool { return slices.ContainsFunc(c.Sessions, f) }

// eachWords is each for an f that also returns words for the texts; nil means that f is false.
func (c *Case) eachWords(f func(*Facts) map[string]string) (all []Evidence) {
	for _, s := range c.Sessions {
		s.shown = nil
		if w := f(s); w != nil {
			all = append(all, Evidence{Sessions: []*Facts{s}, Words: w, Step: s.shown})
		}
	}
	return all
}

// inTurn ranges over the steps. The step at which the caller stops is the one that shows what it looks for.
func (f *Facts) inTurn() iter.Seq2[int, *Step] {
	return func(yield func(int, *Step) bool) {
		for i, s := range f.Steps {
			if !yield(i, s) {
				f.shown = s
				return
			}
		}
	}
}

// step returns the first step for which like is true, or nil.
func (f *Facts) step(like func(*Step) bool) *Step {
	for _, s := range f.inTurn() {
		if like(s) {
			return s
		}
	}
	return nil
}

func (f *Facts) has(like func(*Step) bool) bool { return f.step(like) != nil }

// works reports whether a command does what the client connected for, rather than asking what the server can do. What
// doesn't look like a command doesn't count: after an odd reply to STARTTLS, the pieces of a ClientHello come as lines.
func (s *Step) works() bool { return isWord.MatchString(s.Verb) && !s.Word.Polite }

var isWord = lazyregexp.New(`^[A-Z]+( [A-Z]+)?$`)

func (s *Step) isSTARTTLS() bool { return s.startTLS }
func (s *Step) asks() bool       { return s.Word.Asks }
func (s *Step) leaves() bool     { return s.Word.Leaves }

// logsIn reports whether a command is a login, or the step of one that carries the password.
func (s *Step) logsIn() bool { return s.Word.Login }

// bySASL reports whether a command is a login that names a mechanism.
func (s *Step) bySASL() bool { return s.Word.Login && s.Word.Secret == event.SecretResponse }

// mechanism returns a login's SASL mechanism in upper case. For a login without SASL it returns the command.
func (s *Step) mechanism() string {
	if s.bySASL() {
		m, _, _ := strings.Cut(s.Args, " ")
		return strings.ToUpper(strings.Trim(m, `"`))
	}
	return s.Verb
}

// mailInClear reports whether the client sent a message without TLS.
func (f *Facts) mailInClear() bool {
	return f.has(func(s *Step) bool {
		return !s.Secure && s.Uploaded > 0 && s.Word.Mail && (s.GoAhead || !s.Word.GoAhead)
	})
}

// worksInClear reports whether the client did what it connected for without TLS.
func (f *Facts) worksInClear() bool {
	return f.has(func(s *Step) bool { return !s.Secure && s.works() }) || f.secretInClear()
}

// onTLS reports whether TLS was established, at least in the end.
func (f *Facts) onTLS() bool { return f.TLS.Established() }

// delivered counts the messages that the client sent and the server accepted for good.
func (f *Facts) delivered() int {
	if f.receives() {
		return 0
	}
	return f.Counts.MessagesIn
}

// loggedIn reports whether a login has succeeded.
func (f *Facts) loggedIn() bool {
	return slices.ContainsFunc(f.Logins, func(l event.Login) bool { return l.OK }) ||
		f.Greeting.Preauth
}

// user returns the name of the user who has logged in, or "". A mailbox belongs to one user, and many users may connect
// from one address.
func (f *Facts) user() (name string) {
	for _, l := range f.Logins {
		if l.OK {
			name = strings.ToLower(l.User)
		}
	}
	return name
}

// achieved reports whether the session did any good: a message was sent or fetched, or, if there was none to fetch, the
// client logged in and no scenario cut it off.
func (f *Facts) achieved() bool {
	return f.Counts.MessagesIn > boolInt(f.replyLost()) || f.Counts.MessagesOut > 0 || f.receives() && f.loggedIn() && f.EndedBy != event.EndedByScenario
}

// replyLost reports whether the session ended after a message was stored and before the client got the reply. The
// client then doesn't know that it was stored.
func (f *Facts) replyLost() bool {
	return len(f.Messages) > 0 && f.has(func(s *Step) bool {
		return s.Word.Mail && s.Uploaded > 0 && !s.answered() && (s.Cut || s.Left)
	})
}

// failed reports whether a session failed. A session in which the client only had a look isn't a failure.
func (f *Facts) failed() bool {
	if f.achieved() {
		return false
	}
	return f.acted() || f.Greeting.Class == event.Permanent || f.Greeting.Class == event.Temporary || f.Greeting.Class == event.Nonsense || f.triedTLS() && !f.onTLS() ||
		f.has(func(s *Step) bool { return s.works() && s.Reply.Class != event.OK && s.Reply.Class != event.Continue })
}

// acted reports whether a scenario did something to the session.
func (f *Facts) acted() bool { return len(f.Injected) > 0 }

// spoken returns the set of the sessions' protocols.
func spoken(list []*Facts) map[*protocol.Protocol]bool {
	all := map[*protocol.Protocol]bool{}
	for _, f := range list {
		all[f.speaks] = true
	}
	return all
}

// receives reports whether the session's protocol is for fetching mail.
func (f *Facts) receives() bool { return f.speaks.Receives }

// triedTLS reports whether TLS was begun, or should have been.
func (f *Facts) triedTLS() bool { return f.TLS != nil }

// tlsAtControl counts the sessions at a correct server that used TLS, and those that worked without it.
func (c *Case) tlsAtControl(like func(*Facts) bool) (used, not int) {
	for _, f := range c.Control {
		switch {
		case !like(f):
		case f.onTLS():
			used++
		case f.worksInClear():
			not++
		}
	}
	return used, not
}

// wantsTLS reports whether the client is known to want TLS for a protocol. It is if it used TLS every time at a correct
// server, or if it tried TLS before this session, without success or where this session's scenario took the offer away.
// It proves nothing that some other program at the same address used TLS and this one, which could, doesn't.
func (c *Case) wantsTLS(protocol string, before *Facts) bool {
	used, not := c.tlsAtControl(func(f *Facts) bool { return f.Door == before.Door })
	if used == 0 && not == 0 {
		used, not = c.tlsAtControl(func(f *Facts) bool { return f.Protocol == protocol })
	}
	if used > 0 || not > 0 {
		return used > 0 && not == 0
	}
	for _, f := range c.Sessions {
		if f == before {
			break
		}
		if f.Protocol == protocol && f.triedTLS() && (!f.onTLS() || before.acted() && !before.offeredSTARTTLS()) {
			return true
		}
	}
	return false
}

// offeredSTARTTLS reports whether the server advertised STARTTLS in clear.
func (f *Facts) offeredSTARTTLS() bool {
	return f.listsSTARTTLS(f.Listed[false])
}

// listsSTARTTLS reports whether a list contains STARTTLS, under any protocol's name for it.
func (f *Facts) listsSTARTTLS(l *List) bool {
	return slices.ContainsFunc(f.protocols, func(p *protocol.Protocol) bool { return p.StartTLS != "" && l.Has(p.StartTLS) })
}

// at returns the time of a step.
func (f *Facts) at(s *Step) time.Time { return f.Start.Add(s.At) }

// count adds up f over all sessions.
func count(list []*Facts, f func(*Facts) int) (n int) {
	for _, s := range list {
		n += f(s)
	}
	return n
}

// spare returns how often something may happen before it counts as a repetition: as often as at a correct server, and
// unknown times if there was no control run.
func (c *Case) spare(atControl, unknown int) int {
	if c.Control != nil {
		return max(1, atControl)
	}
	return unknown
}
