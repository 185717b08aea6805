package diagnose

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/transcript"
)

// This file has what predicates share.

// each asks about every session by itself.
func (c *Case) each(f func(*Facts) bool) (all []Evidence) {
	for _, s := range c.Sessions {
		if f(s) {
			all = append(all, Evidence{Sessions: []*Facts{s}})
		}
	}
	return all
}

// any tells if a session is like this.
func (c *Case) any(f func(*Facts) bool) bool { return slices.ContainsFunc(c.Sessions, f) }

// eachWords is each with words of the evidence's own; nil is none.
func (c *Case) eachWords(f func(*Facts) map[string]string) (all []Evidence) {
	for _, s := range c.Sessions {
		if w := f(s); w != nil {
			all = append(all, Evidence{Sessions: []*Facts{s}, Words: w})
		}
	}
	return all
}

// step returns the first step that is like this, nil for none.
func (f *Facts) step(like func(*Step) bool) *Step {
	for _, s := range f.Steps {
		if like(s) {
			return s
		}
	}
	return nil
}

func (f *Facts) has(like func(*Step) bool) bool { return f.step(like) != nil }

func verb(names ...string) func(*Step) bool {
	return func(s *Step) bool { return slices.Contains(names, s.Verb) }
}

var polite = map[string]bool{
	"EHLO": true, "HELO": true, "LHLO": true, "CAPABILITY": true, "CAPA": true, "NOOP": true, "STARTTLS": true, "STLS": true, "QUIT": true,
	"LOGOUT": true, "RSET": true, "ID": true, "HELP": true,
}

// works tells if a command does what the client has come for, rather than asking what
// the server can. What doesn't look like a command is none: after an odd reply to STARTTLS
// the pieces of a ClientHello come as lines.
func (s *Step) works() bool { return isWord.MatchString(s.Verb) && !polite[s.Verb] }

var isWord = regexp.MustCompile(`^[A-Z]+( [A-Z]+)?$`)

func (s *Step) isSTARTTLS() bool { return s.Verb == "STARTTLS" || s.Verb == "STLS" }
func (s *Step) asks() bool       { return s.Verb == "EHLO" || s.Verb == "CAPABILITY" || s.Verb == "CAPA" }
func (s *Step) leaves() bool     { return s.Verb == "QUIT" || s.Verb == "LOGOUT" }

// logsIn tells if a command is a login, or the part of one that has the password.
func (s *Step) logsIn() bool {
	return slices.Contains([]string{"AUTH", "AUTHENTICATE", "LOGIN", "PASS", "APOP"}, s.Verb)
}

// mechanism is the SASL mechanism of a login, upper case; the command for one without.
func (s *Step) mechanism() string {
	if s.Verb == "AUTH" || s.Verb == "AUTHENTICATE" {
		m, _, _ := strings.Cut(s.Args, " ")
		return strings.ToUpper(strings.Trim(m, `"`))
	}
	return s.Verb
}

// Mechanisms that show the password, or a token as good as one, to whoever listens.
var openMechanisms = []string{"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER", "PLAIN-CLIENTTOKEN", "PASS"}

const masked = "***"

// showsSecret tells if the command has carried a password that can be read on the wire.
func (s *Step) showsSecret() bool {
	if !s.logsIn() || !slices.Contains(openMechanisms, s.mechanism()) {
		return false
	}
	initial := strings.HasSuffix(s.Args, masked)
	lines := 0
	for _, l := range s.Exchange {
		if l == masked {
			lines++
		}
	}
	if s.mechanism() == "LOGIN" && s.Verb != "LOGIN" && !initial { // the first line is the name
		return lines >= 2
	}
	if s.mechanism() == "LOGIN" && s.Verb != "LOGIN" {
		return lines >= 1
	}
	return initial || lines >= 1
}

// secretInClear tells if a password crossed the wire without TLS.
func (f *Facts) secretInClear() bool {
	if f.has(func(s *Step) bool { return !s.Secure && s.showsSecret() }) {
		return true
	}
	return slices.ContainsFunc(f.Heard, func(h Heard) bool {
		text := strings.ToUpper(h.Text)
		return !h.Secure && strings.Contains(text, " "+masked) &&
			(strings.Contains(text, "LOGIN ") || strings.Contains(text, "AUTH") || strings.Contains(text, "PASS "))
	})
}

// mailInClear tells if a message crossed the wire without TLS, from the client.
func (f *Facts) mailInClear() bool {
	return f.has(func(s *Step) bool {
		return !s.Secure && s.Uploaded > 0 && (s.Verb == "DATA" && s.wentAhead() || s.Verb == "BDAT" || s.Verb == "APPEND")
	})
}

// wentAhead tells if the server said to send the message.
func (s *Step) wentAhead() bool {
	return slices.ContainsFunc(s.Reply.Lines, func(l string) bool { return strings.HasPrefix(l, "354") })
}

// worksInClear tells if the client did what it came for without TLS.
func (f *Facts) worksInClear() bool {
	return f.has(func(s *Step) bool { return !s.Secure && s.works() }) || f.secretInClear()
}

// onTLS tells if the connection was inside TLS, at least in the end.
func (f *Facts) onTLS() bool { return f.TLS != nil && f.TLS.Established }

// delivered counts messages that SMTP accepted for good.
func (f *Facts) delivered() int {
	if f.Protocol != "smtp" {
		return 0
	}
	return f.Counts.MessagesIn
}

// loggedIn tells if a login has succeeded.
func (f *Facts) loggedIn() bool {
	return slices.ContainsFunc(f.Logins, func(l transcript.Login) bool { return l.OK }) ||
		strings.HasPrefix(f.Greeting.Last(), "* PREAUTH")
}

// user is who has logged in, "" for nobody. What belongs to a mailbox means nothing in
// another user's, and many users may come from one address.
func (f *Facts) user() (name string) {
	for _, l := range f.Logins {
		if l.OK {
			name = strings.ToLower(l.User)
		}
	}
	return name
}

// achieved tells if the session did any good: mail came or went, or, where there was
// none to fetch, the client logged in and left as one does.
func (f *Facts) achieved() bool {
	return f.Counts.MessagesIn > boolInt(f.replyLost()) || f.Counts.MessagesOut > 0 || receives(f.Protocol) && f.loggedIn() && f.EndedBy != transcript.EndedByScenario
}

// replyLost tells if the session ended before the reply to a message that was stored, so
// that the client doesn't know.
func (f *Facts) replyLost() bool {
	return len(f.Messages) > 0 && f.has(func(s *Step) bool {
		return (s.Verb == "DATA" || s.Verb == "BDAT" || s.Verb == "APPEND") && s.Uploaded > 0 && s.Cut && !s.answered()
	})
}

// failed tells if a session came to nothing, and not because the client only had a look.
func (f *Facts) failed() bool {
	if f.achieved() {
		return false
	}
	return f.acted() || f.Greeting.Outcome == Permanent || f.Greeting.Outcome == Temporary || f.Greeting.Outcome == Nonsense || f.TLS != nil && !f.TLS.Established ||
		f.has(func(s *Step) bool { return s.works() && s.Reply.Outcome != OK && s.Reply.Outcome != Continue })
}

// acted tells if a scenario did something to the session.
func (f *Facts) acted() bool { return len(f.Injected) > 0 }

// spoken lists the protocols of sessions.
func spoken(list []*Facts) map[string]bool {
	all := map[string]bool{}
	for _, f := range list {
		all[f.Protocol] = true
	}
	return all
}

// receives tells if a protocol is for fetching mail.
func receives(protocol string) bool { return protocol == "imap" || protocol == "pop3" }

// tlsAtControl counts the sessions that used TLS at a correct server, and those that
// worked without.
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

// wantsTLS tells if the client is known to want TLS for a protocol: at a correct server
// it used it every time, or it has tried it before this session, in vain or where this
// one's scenario took the offer away. That some program at the address used TLS, and this
// one might and doesn't, is no sign.
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
		if f.Protocol == protocol && f.TLS != nil && (!f.TLS.Established || before.acted() && !before.offeredSTARTTLS()) {
			return true
		}
	}
	return false
}

// offeredSTARTTLS tells if a list in clear has it.
func (f *Facts) offeredSTARTTLS() bool {
	return f.Listed[false].Has("STARTTLS") || f.Listed[false].Has("STLS")
}

// at is the time of a step.
func (f *Facts) at(s *Step) time.Time { return f.Start.Add(s.At) }

// count sums up what a function counts in sessions.
func count(list []*Facts, f func(*Facts) int) (n int) {
	for _, s := range list {
		n += f(s)
	}
	return n
}

// spare is how often something may happen before it counts as again: as often as it does
// at a correct server, or else some times.
func (c *Case) spare(atControl, unknown int) int {
	if c.Control != nil {
		return max(1, atControl)
	}
	return unknown
}
