package diagnose

import (
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/refusal"
)

// Predicates about passwords and tokens: who could read them, and what becomes of them.

// passwordSentInClear finds a password that anybody on the network could read, whether the server accepted it or not.
func passwordSentInClear(c *Case) []Evidence { return c.each((*Facts).secretInClear) }

// secretInClear reports whether a password crossed the network without TLS.
func (f *Facts) secretInClear() bool {
	if f.has(func(s *Step) bool { return !s.Secure && s.showsSecret() }) {
		return true
	}
	return slices.ContainsFunc(f.Heard, func(h Heard) bool {
		return !h.Secure && h.Secret && h.Verb != "" && !f.word(h.Verb).Digest
	})
}

// showsSecret reports whether the command carried a password that can be read on the wire.
func (s *Step) showsSecret() bool {
	if !s.logsIn() || s.Word.Digest || s.bySASL() && !slices.Contains(openMechanisms, s.mechanism()) {
		return false
	}
	answers := 0
	for _, form := range s.Exchange {
		if form == event.SecretAnswer {
			answers++
		}
	}
	if s.bySASL() && s.mechanism() == "LOGIN" && !s.Secret {
		return answers >= 2 // the first line is the user name
	}
	if s.bySASL() && s.mechanism() == "LOGIN" {
		return answers >= 1
	}
	return s.Secret || answers >= 1
}

// openMechanisms are those that reveal the password, or a token as good as one, to whoever listens.
var openMechanisms = []string{"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER", "PLAIN-CLIENTTOKEN"}

// passwordNotUTF8 finds a password that isn't in UTF-8 (RFC 4616 section 2, RFC 9051 section 6.2.3).
func passwordNotUTF8(c *Case) (all []Evidence) {
	for _, f := range c.Sessions {
		i := slices.IndexFunc(f.Logins, func(l event.Login) bool { return l.NotUTF8 })
		if i < 0 {
			continue
		}
		e := Evidence{Sessions: []*Facts{f}, Words: map[string]string{"user": f.Logins[i].User}}
		if !f.loggedIn() && !f.acted() {
			e.Severity = Error
		}
		all = append(all, e)
	}
	return all
}

// repeatedRefusedPassword finds a client that sends a refused password again by itself. Servers lock accounts for that.
func repeatedRefusedPassword(c *Case) (all []Evidence) {
	const soon = time.Minute // a person may type it again later
	first := map[string]refusedLogin{}
	times := map[string]int{}
	for _, r := range c.refusals() {
		times[r.key]++
		usual := count(c.Control, func(f *Facts) int {
			if f.Protocol != r.f.Protocol {
				return 0
			}
			n := 0
			for _, s := range f.inTurn() {
				if s.logsIn() && s.mechanism() == r.step.mechanism() {
					n++
				}
			}
			return n
		})
		before, again := first[r.key]
		first[r.key] = r
		if again && times[r.key] > c.spare(usual, 1) && (c.Control != nil || r.at.Sub(before.at) < soon) {
			w := map[string]string{"what": "password", "times": itoa(times[r.key]), "why": "without anybody having typed another one. Servers lock accounts that do this",
				"advice": "For the client's developer: ask the user for the password after the first refusal."}
			if r.step.bySASL() && slices.Contains(tokenMechanisms, r.step.mechanism()) {
				w["what"], w["why"] = "token", "though it was refused already. A token that has expired or was revoked stays refused"
				w["advice"] = "Sign in again. For the client's developer: get a new token with the refresh token, or ask the user to sign in."
			}
			all = append(all, Evidence{Sessions: distinct(before.f, r.f), Words: w})
		}
	}
	if len(all) > 1 {
		all = all[len(all)-1:] // the last one includes the others
	}
	return all
}

// refusedLogin is a login that was refused permanently.
type refusedLogin struct {
	f    *Facts
	step *Step
	key  string // protocol, mechanism, user and password, as far as known
	at   time.Time
}

// refusals lists the logins that were refused permanently, oldest first.
func (c *Case) refusals() (all []refusedLogin) {
	for _, f := range c.Sessions {
		known := f.Logins
		for _, s := range f.inTurn() {
			if !s.logsIn() || s.Reply.Class != event.Permanent {
				continue
			}
			if !s.provedSecret() || s.Reply.NotUnderstood || refusal.Means(f.refusal(&s.Reply), refusal.NoSuchCommand, refusal.NoSuchMechanism) {
				continue // no password was sent, or it isn't what the server refused
			}
			user, tag := "", ""
			for i, l := range known {
				if l.At >= s.At && !l.OK {
					user, tag = l.User, l.Password
					known = known[i+1:]
					break
				}
			}
			all = append(all, refusedLogin{f, s, strings.Join([]string{f.Protocol, s.mechanism(), user, tag}, " "), f.at(s)})
		}
	}
	slices.SortStableFunc(all, func(a, b refusedLogin) int { return a.at.Compare(b.at) })
	return all
}

func wasRefused(c *Case) bool { return len(c.refusals()) > 0 }

// provedSecret reports whether the command carried a password, a token, or the proof of knowing one.
func (s *Step) provedSecret() bool {
	switch {
	case s.showsSecret():
		return true
	case s.bySASL(): // a mechanism with a challenge: the proof is an answer to it
		// NTLM's first message names neither user nor password (MS-NLMP section 2.2.1.1).
		return s.Secret && s.mechanism() != "NTLM" || slices.Contains(s.Exchange, event.SecretAnswer)
	}
	return s.Word.Digest
}

// tokenMechanisms carry an OAuth token in place of a password.
var tokenMechanisms = []string{"XOAUTH2", "OAUTHBEARER"}
