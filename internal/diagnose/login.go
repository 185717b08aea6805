package diagnose

import (
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/refusal"
)

// Predicates about logins.

// passwordSentInClear finds a password that anybody on the network could read, whether the server accepted it or not.
func passwordSentInClear(c *Case) []Evidence { return c.each((*Facts).secretInClear) }

// loginDespiteLogindisabled finds a LOGIN that LOGINDISABLED forbids (RFC 9051 section 6.2.3: MUST NOT).
func loginDespiteLogindisabled(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.has(func(s *Step) bool { return s.Word.Unless != "" && s.Listed.Has(s.Word.Unless) })
	})
}

// usedUnlistedMechanism finds a login with a mechanism that the last list doesn't contain.
func usedUnlistedMechanism(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		s := f.step((*Step).unlisted)
		if s == nil {
			return nil
		}
		offered, advice := strings.Join(s.Listed.Mechanisms(), ", "), "Choose an authentication method that the server offers."
		if offered == "" {
			offered = "none"
		}
		if !s.Secure && !f.offersLogin(s.Listed) && f.listsSTARTTLS(s.Listed) {
			offered, advice = offered+" without TLS", "Set encryption to STARTTLS: the server takes logins inside TLS only."
		}
		return map[string]string{"mechanism": s.mechanism(), "offered": offered, "advice": advice}
	})
}

// unlisted reports whether a command belongs to a login that the list doesn't allow.
func (s *Step) unlisted() bool {
	switch {
	case s.Listed == nil || !s.ofLogin():
		return false
	case s.bySASL():
		m := s.mechanism()
		return m != "" && !slices.Contains(s.Listed.Mechanisms(), m)
	}
	return !s.Listed.allows(s.Word)
}

// ofLogin reports whether a command belongs to a login, with or without the password.
func (s *Step) ofLogin() bool { return s.Word.State == protocol.NoLogin }

// allows reports whether a list contains what a command needs, and doesn't contain what forbids it.
func (l *List) allows(w protocol.Word) bool {
	return (w.Needs == "" || l.Has(w.Needs)) && (w.Unless == "" || !l.Has(w.Unless))
}

// offersPassword reports whether the list lets a client log in with a password and without SASL.
func (f *Facts) offersPassword(l *List) bool {
	return slices.ContainsFunc(f.speaks.Words, func(w protocol.Word) bool {
		return w.Login && !w.Digest && w.Secret != event.SecretResponse && l.allows(w)
	})
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
		for _, s := range f.Steps {
			if !s.logsIn() || s.Reply.Class != event.Permanent {
				continue
			}
			if !s.showsSecret() && !s.Word.Digest && s.Reply.Code != "535" {
				continue // no password was sent: the server refused the mechanism
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
			for _, s := range f.Steps {
				if s.logsIn() && s.mechanism() == r.step.mechanism() {
					n++
				}
			}
			return n
		})
		before, again := first[r.key]
		first[r.key] = r
		if again && times[r.key] > c.spare(usual, 1) && (c.Control != nil || r.at.Sub(before.at) < soon) {
			all = append(all, Evidence{Sessions: distinct(before.f, r.f), Words: map[string]string{"times": itoa(times[r.key])}})
		}
	}
	if len(all) > 1 {
		all = all[len(all)-1:] // the last one includes the others
	}
	return all
}

func wasRefused(c *Case) bool { return len(c.refusals()) > 0 }

func distinct(list ...*Facts) (all []*Facts) {
	for _, f := range list {
		if !slices.Contains(all, f) {
			all = append(all, f)
		}
	}
	return all
}

// loginReasons are the meanings of a refusal that have words here.
var loginReasons = map[refusal.Meaning]struct{ reason, advice string }{
	refusal.AppPassword: {"The server wants an app password instead of the account's own.", "Make an app password in the account's security settings and type that."},
	refusal.WebLogin:    {"The server wants the user to log in with a web browser first.", "Open the link that the server gave, log in, and try again."},
	refusal.OAuthWanted: {"The server no longer takes passwords.", "Choose OAuth2 as the authentication method."},
	refusal.SendingOff:  {"Sending by SMTP is switched off for this account.", "An administrator must switch on authenticated SMTP for it."},
	refusal.ServiceOff:  serviceOff,
	refusal.SystemFault: serviceOff,
	refusal.Referred: {"The server says that the account is on another server.",
		"Ask the provider for the server's name, and don't follow by itself what an unencrypted reply says."},
	refusal.Expired:          {"The password has expired.", "Change the password, then type the new one."},
	refusal.TooWeak:          otherMethod,
	refusal.NoSuchMechanism:  otherMethod,
	refusal.NeedsEncryption:  {"The server takes no password without TLS.", "Set encryption to STARTTLS, or to SSL/TLS with port {tls-door}."},
	refusal.TooManyAttempts:  {"The server has seen too many attempts.", "Wait, and check the password before the next attempt."},
	refusal.TooMany:          {"There are too many connections for this account.", "Let the client use fewer connections."},
	refusal.Locked:           accountLocked,
	refusal.AskAdministrator: accountLocked,
	refusal.NotAuthorised:    accountLocked,
	refusal.InUse:            {"Another client has the mailbox.", "Try again when it is done."},
}

// Words for several meanings.
var (
	serviceOff    = struct{ reason, advice string }{"The service is switched off for this account.", "Switch {protocol} on in the account's settings on the web."}
	otherMethod   = struct{ reason, advice string }{"The server doesn't take this authentication method.", "Choose another authentication method."}
	accountLocked = struct{ reason, advice string }{"The account is locked, or may not use this service.", "Ask the provider."}
)

// loginRefused says what the server's refusal means.
func loginRefused(c *Case) (all []Evidence) {
	for _, f := range c.Sessions {
		if f.loggedIn() {
			continue // it logged in another way
		}
		var last *Step
		for _, s := range f.Steps {
			if s.logsIn() && s.Reply.failed() && !s.cancelled() {
				last = s // leaves out a login that the client cancelled
			}
		}
		if last == nil {
			continue
		}
		all = append(all, Evidence{Sessions: []*Facts{f}, Words: f.whyNoLogin(last)})
	}
	return all
}

func (f *Facts) whyNoLogin(s *Step) map[string]string {
	readings := refusal.Read(f.refusal(&s.Reply))
	reason, advice := "The server refused the user name or the password.", "Check the user name (often the whole address) and the password."
	if s.Reply.Class == event.Temporary {
		reason, advice = "The server couldn't check the password just now.", "Nothing is wrong with the settings: try again later."
	}
	if m := s.mechanism(); s.Reply.Class == event.Permanent && (m == "XOAUTH2" || m == "OAUTHBEARER") {
		reason, advice = "The server didn't accept the OAuth2 token.", "Sign in again, so that the client gets a new token."
		readings = nil // what it says about passwords isn't meant here
	}
	for _, r := range readings {
		if known, ok := loginReasons[r.Meaning]; ok {
			reason, advice = known.reason, known.advice
			break
		}
	}
	advice = words(Evidence{Sessions: []*Facts{f}}).Replace(advice)
	return map[string]string{"reason": reason, "advice": advice, "reply": s.Reply.Last()}
}

// refusal returns a reply in the form that package refusal takes.
func (f *Facts) refusal(r *Reply) refusal.Reply {
	return refusal.Reply{Protocol: f.Protocol, Code: r.Code, Enhanced: r.Enhanced, Text: r.Text()}
}

// commonMechanisms are those that most clients support.
var commonMechanisms = []string{"PLAIN", "LOGIN"}

// noCommonMechanism finds a client that looked at the list of mechanisms and left.
func noCommonMechanism(c *Case) (all []Evidence) {
	for _, f := range c.Sessions {
		if f.loggedIn() || f.has(func(s *Step) bool { return s.logsIn() || s.works() }) {
			continue
		}
		l := f.Listed[f.onTLS()]
		offered := l.Mechanisms()
		if l == nil || len(offered) == 0 || slices.ContainsFunc(offered, func(m string) bool { return slices.Contains(commonMechanisms, m) }) || f.offersPassword(l) {
			continue
		}
		all = append(all, Evidence{Sessions: []*Facts{f}, Guess: true, Words: map[string]string{"offered": strings.Join(offered, ", ")}})
	}
	return all
}

// badChallenge reports whether a scenario answered a login with a challenge that nobody can answer.
func (f *Facts) badChallenge(s *Step) bool {
	return s.logsIn() && s.Reply.Injected != "" && len(s.Reply.Lines) > 0 && f.asksForMore(s.Tag, s.Reply.Lines[0])
}

// cancelled reports whether the client cancelled a login.
func (s *Step) cancelled() bool { return slices.Contains(s.Exchange, event.CancelAnswer) }

// cancelledBrokenLogin finds a login that the client cancelled with a line of "*" alone (RFC 4954 section 4, RFC 9051
// section 6.2.2).
func cancelledBrokenLogin(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.has(func(s *Step) bool { return s.logsIn() && s.cancelled() })
	})
}

func canCancel(c *Case) bool {
	return c.any(func(f *Facts) bool { return f.has(f.badChallenge) })
}

// oauthErrorNotAcknowledged finds a client that answers the server's error challenge wrongly. The answer must be empty
// (XOAUTH2) or the byte 01 (RFC 7628 section 3.2.3); the refusal comes after it. From the recorded lines alone, only an
// empty answer can be recognized.
func oauthErrorNotAcknowledged(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		if f.Noticed(event.NotAcknowledged) {
			return true
		}
		return !f.Noticed(event.Acknowledged) && f.has(func(s *Step) bool {
			if s.mechanism() != "XOAUTH2" || !f.badChallenge(s) || len(s.Reply.Lines) > 1 && s.Reply.Class == event.OK {
				return false
			}
			n := len(s.Exchange)
			return n == 0 && f.EndedBy == event.EndedByClient || n > 0 && s.Exchange[n-1] == event.SecretAnswer
		})
	})
}

// hadOAuthError reports whether there was an error to acknowledge.
func hadOAuthError(c *Case) bool {
	return c.any(func(f *Facts) bool {
		return f.Noticed(event.NotAcknowledged) || f.Noticed(event.Acknowledged) ||
			f.has(func(s *Step) bool {
				return (s.mechanism() == "XOAUTH2" || s.mechanism() == "OAUTHBEARER") && f.badChallenge(s)
			})
	})
}
