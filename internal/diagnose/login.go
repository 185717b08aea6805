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
		did := "Logged in"
		if s.Reply.Class != event.OK {
			did = "Tried to log in"
		}
		return map[string]string{"did": did, "mechanism": s.mechanism(), "offered": offered, "advice": advice}
	})
}

// unlisted reports whether a command belongs to a login that the list doesn't allow.
func (s *Step) unlisted() bool {
	return s.Listed != nil && s.ofLogin() && s.against(s.Listed)
}

// against reports whether a list doesn't allow a command that belongs to a login.
func (s *Step) against(l *List) bool {
	if s.bySASL() {
		m := s.mechanism()
		return m != "" && !slices.Contains(l.Mechanisms(), m)
	}
	return !l.allows(s.Word)
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
// logins that the client cancelled, and commands that the server couldn't parse.
func (f *Facts) refusedStep() (last *Step) {
	if f.loggedIn() {
		return nil // it logged in another way
	}
	for i, s := range f.inTurn() {
		if (s.logsIn() || s.namesUser()) && s.Reply.Failed() && !s.cancelled() && !s.Reply.NotUnderstood && !f.outOfOrder(i) {
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
		if s := f.refusedStep(); s != nil && (s.provedSecret() || !f.methodRefused(s)) {
			e := Evidence{Sessions: []*Facts{f}, Step: s, Severity: f.refusalSeverity(), Words: f.whyNoLogin(s)}
			if f.wantsTLS(s) {
				e.Severity = Info // that the password crossed in clear is the error
			}
			all = append(all, e)
		}
	}
	return all
}

// methodRefused reports whether the server refused a login at its first line, before any password came: it refuses the
// method, whatever its words are.
func (f *Facts) methodRefused(s *Step) bool {
	if s.namesUser() {
		return refusal.Means(f.refusal(&s.Reply), refusal.NoSuchCommand) // RFC 1939 section 7: USER is optional
	}
	return s.bySASL() && !s.provedSecret() && s.Reply.Class == event.Permanent
}

// namesUser reports whether a step is the first half of a login with USER and PASS.
func (s *Step) namesUser() bool { return s.Verb == "USER" }

// loginMethodRefused finds a client whose authentication method the server refuses.
func loginMethodRefused(c *Case) (all []Evidence) {
	for _, f := range c.Sessions {
		s := f.refusedStep()
		if s == nil || !f.methodRefused(s) {
			continue
		}
		listed := s.Listed
		if listed == nil {
			listed = f.Listed[!s.Secure] // it looked there only
		}
		others := slices.DeleteFunc(listed.Mechanisms(), func(m string) bool { return m == s.mechanism() })
		mechanism, advice := s.mechanism(), "Choose another authentication method."
		if others != nil {
			advice = "Choose another authentication method. The server lists: " + strings.Join(others, ", ") + ". (Settings screens say \"normal password\" for PLAIN and LOGIN.)"
		}
		if f.wantsTLS(s) {
			mechanism += " without encryption"
			advice = "Set encryption to STARTTLS, or to SSL/TLS with port " + itoa(f.speaks.Door(true)) + "."
		}
		all = append(all, Evidence{Sessions: []*Facts{f}, Step: s, Severity: f.refusalSeverity(),
			Words: map[string]string{"mechanism": mechanism, "reply": s.Reply.Last(), "advice": advice}})
	}
	return all
}

func (f *Facts) whyNoLogin(s *Step) map[string]string {
	readings := refusal.Read(f.refusal(&s.Reply))
	reason, advice := "The server refused the user name or the password.", "Check the user name (often the whole address) and the password."
	if s.Reply.Class == event.Temporary {
		reason, advice = "The server couldn't check the password just now.", "Nothing is wrong with the settings: try again later."
	}
	if m := s.mechanism(); s.Reply.Class == event.Permanent && slices.Contains(tokenMechanisms, m) {
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

// onlyLooked returns the mechanisms of the list that a client looked at before it left, or nil if it did more.
func (c *Case) onlyLooked(f *Facts) []string {
	l := f.Listed[f.onTLS()]
	if l == nil || f.loggedIn() || f.has(func(s *Step) bool { return s.logsIn() || s.works() }) || c.worksElsewhere(f) {
		return nil
	}
	return l.Mechanisms()
}

// common reports whether a client without a special setting finds a way to log in.
func (f *Facts) common(offered []string) bool {
	return slices.ContainsFunc(offered, func(m string) bool { return slices.Contains(commonMechanisms, m) }) || f.offersPassword(f.Listed[f.onTLS()])
}

// noCommonMechanism finds a client that looked at a list without any of the common mechanisms and left.
func noCommonMechanism(c *Case) (all []Evidence) {
	for _, f := range c.Sessions {
		if offered := c.onlyLooked(f); len(offered) > 0 && !f.common(offered) {
			all = append(all, Evidence{Sessions: []*Facts{f}, Guess: true, Words: map[string]string{"offered": strings.Join(offered, ", ")}})
		}
	}
	return all
}

// lookedAndLeft finds a client that looked at the list where it could have logged in. It may be set to a method that the
// server lacks, or it only looks.
func lookedAndLeft(c *Case) (all []Evidence) {
	wizards := wizardProbe(c)
	for _, f := range c.Sessions {
		offered := c.onlyLooked(f)
		if len(offered) == 0 || len(f.Steps) == 0 || len(wrongProtocol(&Case{Sessions: []*Facts{f}})) > 0 || !f.common(offered) || f.acted() || !f.left() || !f.onTLS() && f.listsSTARTTLS(f.Listed[false]) ||
			f.has((*Step).isSTARTTLS) && !f.onTLS() || slices.ContainsFunc(wizards, func(e Evidence) bool { return e.Sessions[0] == f }) {
			continue
		}
		all = append(all, Evidence{Sessions: []*Facts{f}, Words: map[string]string{"offered": strings.Join(offered, ", ")}})
	}
	return fold(all)
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
