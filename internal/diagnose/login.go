package diagnose

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/refusal"
)

// Predicates about logins.

// loginDespiteLogindisabled finds a LOGIN that LOGINDISABLED forbids (RFC 9051 section 6.2.3: MUST NOT).
func loginDespiteLogindisabled(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		s := f.step(func(s *Step) bool { return s.Word.Unless != "" && s.Listed.Has(s.Word.Unless) })
		switch {
		case s == nil:
			return nil
		case s.Secure:
			return map[string]string{
				"why":    "RFC 9051 section 6.2.3 forbids the LOGIN command then. The connection is encrypted already: this server takes no password by LOGIN at all.",
				"advice": "Choose an authentication method that the server lists: " + cmp.Or(strings.Join(s.Listed.Mechanisms(), ", "), "it lists none") + ".",
			}
		}
		return map[string]string{
			"why":    "RFC 9051 section 6.2.3 forbids the LOGIN command then: without TLS the password is for all to read.",
			"advice": "Set encryption to STARTTLS, or to SSL/TLS with port " + itoa(f.speaks.Door(true)) + ".",
		}
	})
}

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
	refusal.TooMany:          {"There are too many connections for this account.", "Close other programs that use the account, or lower the number of connections in the account's settings."},
	refusal.Locked:           accountLocked,
	refusal.AskAdministrator: accountLocked,
	refusal.NotAuthorised:    accountLocked,
	refusal.TooBig:           {"What the client sent in place of a user name or a password is too long for the server.", "Type the user name and the password anew."},
	refusal.InUse:            {"Another client has the mailbox.", "Try again when it is done."},
}

// Words for several meanings.
var (
	serviceOff    = struct{ reason, advice string }{"The service is switched off for this account.", "Switch {protocol} on in the account's settings on the web."}
	otherMethod   = struct{ reason, advice string }{"The server doesn't take this authentication method.", "Choose another authentication method."}
	accountLocked = struct{ reason, advice string }{"The account is locked, or may not use this service.", "Ask the provider."}
)

// refusedStep returns the last login that the server refused, or nil if the client logged in after all. It leaves out
// logins that the client cancelled, and commands that the server couldn't parse. One that names a method and sends nothing
// else can't be malformed: it is the method that the server doesn't know.
func (f *Facts) refusedStep() (last *Step) {
	if f.loggedIn() {
		return nil // it logged in another way
	}
	for i, s := range f.inTurn() {
		if (s.logsIn() || s.namesUser()) && s.Reply.Failed() && !s.cancelled() && (!s.Reply.NotUnderstood || s.onlyNamesMethod()) && !f.outOfOrder(i) {
			last = s
		}
	}
	return last
}

// outOfOrder reports whether a step is a login that comes before what must come first: PASS without USER (RFC 1939 section
// 7), AUTH without EHLO (RFC 4954 section 4), also where EHLO came before TLS only (RFC 3207 section 4.2).
func (f *Facts) outOfOrder(i int) bool {
	first := (*Step).namesUser
	switch s := f.Steps[i]; {
	case s.Verb == "PASS":
	case s.logsIn() && f.introducesItself() && f.sawAll(s):
		first = func(o *Step) bool { return o.asks() && o.Secure == s.Secure }
	default:
		return false
	}
	return !slices.ContainsFunc(f.Steps[:i], func(s *Step) bool { return first(s) && s.Reply.Class == event.OK })
}

// introducesItself reports whether a client of the session's protocol must say who it is before all else, as in SMTP.
func (f *Facts) introducesItself() bool {
	return slices.ContainsFunc(f.speaks.Words, func(w protocol.Word) bool { return w.MustWait && w.Opens })
}

// refusalSeverity returns the severity of a refusal: info if a scenario or an address asked for it, and error otherwise, since the
// client then can't do its job.
func (f *Facts) refusalSeverity() Severity {
	if f.acted() {
		return Info
	}
	return Error
}

// loginRefused says what the server's refusal of a password or a token means.
func loginRefused(c *Case) (all []Evidence) {
	for _, f := range c.Sessions {
		if s := f.refusedStep(); s != nil && c.settled(f) && !f.methodRefused(s) {
			e := Evidence{Sessions: []*Facts{f}, Step: s, Severity: f.refusalSeverity(), Words: c.whyNoLogin(f, s)}
			if f.wantsTLS(s) {
				e.Severity = Info // that the password crossed in clear is the error
			}
			all = append(all, e)
		}
	}
	return all
}

func (c *Case) whyNoLogin(f *Facts, s *Step) map[string]string {
	readings := refusal.Read(f.refusal(&s.Reply))
	reason, advice := "The server refused the user name or the password.", "Check the user name (often the whole address) and the password."
	if s.Reply.Class == event.Temporary {
		reason, advice = "The server couldn't check the password just now.", "Nothing is wrong with the settings: try again later."
	}
	if o := c.takenElsewhere(f, s); o != nil && s.Reply.Class == event.Permanent {
		reason = "The password is right: the server has taken it for " + o.speaks.Title + ". It refuses it for " + f.speaks.Title + "."
		advice = "Switch {protocol} on for this account in its settings on the web, or make an app password there. Otherwise ask the provider."
	}
	if m := s.mechanism(); s.Reply.Class == event.Permanent && slices.Contains(tokenMechanisms, m) {
		reason, advice = "The server didn't accept the OAuth2 token.", "Sign in again, so that the client gets a new token."
		readings = nil // what it says about passwords isn't meant here
	}
	for _, r := range readings {
		if known, ok := loginReasons[r.Meaning]; ok && !(s.Secure && r.Meaning == refusal.NeedsEncryption) {
			reason, advice = known.reason, known.advice
			break
		}
	}
	advice = words(Evidence{Sessions: []*Facts{f}}).Replace(advice)
	return map[string]string{"reason": reason, "advice": advice, "reply": s.Reply.Last()}
}

// takenElsewhere returns a session in another protocol in which the server has taken the user's password that it refuses here,
// or nil.
func (c *Case) takenElsewhere(f *Facts, s *Step) *Facts {
	for _, refused := range f.Logins {
		if refused.OK || refused.At < s.At || refused.Password == "" {
			continue
		}
		taken := func(l event.Login) bool {
			return l.OK && l.Password == refused.Password && strings.EqualFold(l.User, refused.User)
		}
		i := slices.IndexFunc(c.Sessions, func(o *Facts) bool {
			return o.Host == f.Host && o.Protocol != f.Protocol && slices.ContainsFunc(o.Logins, taken)
		})
		if i >= 0 {
			return c.Sessions[i]
		}
	}
	return nil
}

// refusal returns a reply in the form that package refusal takes.
func (f *Facts) refusal(r *Reply) refusal.Reply {
	return refusal.Reply{Protocol: f.Protocol, Code: r.Code, Enhanced: r.Enhanced, Text: r.Text()}
}

// worksElsewhere reports whether the same client logged in, or sent, in another session on the same door.
func (c *Case) worksElsewhere(f *Facts) bool {
	return c.any(func(o *Facts) bool {
		return o != f && o.Host == f.Host && o.Door == f.Door && (o.loggedIn() || o.delivered() > 0)
	})
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
