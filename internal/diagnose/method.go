package diagnose

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/lazyregexp"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/refusal"
)

// Predicates about authentication methods: those that the server lists, those that it refuses, and clients that find none.

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

// inForce returns what the server lists where a step stands: what the client has read there or, if it never asked, what it
// would have read. nil: nobody knows.
func (f *Facts) inForce(s *Step) *List {
	if s.Listed == nil && s.Secure == f.onTLS() {
		return f.offered
	}
	return s.Listed
}

// methodRefused reports whether the server refused the method of a login: at its first line, before any password came,
// whatever its words are; in words that say so; or because it takes no login in this way.
func (f *Facts) methodRefused(s *Step) bool {
	switch {
	case s.namesUser() && refusal.Means(f.refusal(&s.Reply), refusal.NoSuchCommand): // RFC 1939 section 7: USER is optional
		return true
	case s.Reply.Class != event.Permanent:
		return false
	case s.onlyNamesMethod(), s.bySASL() && refusal.Means(f.refusal(&s.Reply), refusal.NoSuchMechanism):
		return true
	}
	l := f.inForce(s)
	return l != nil && s.against(l) && !f.judged(s) && !f.wantsTLS(s)
}

// judged reports whether the server looked at the user's name and password, rather than refusing the login before.
func (f *Facts) judged(s *Step) bool {
	return slices.ContainsFunc(f.Logins, func(l event.Login) bool { return l.At >= s.At && !l.OK }) &&
		!refusal.Means(f.refusal(&s.Reply), refusal.NoSuchMechanism, refusal.NoSuchCommand)
}

// onlyNamesMethod reports whether a step is the first line of a login, with a mechanism and without a proof.
func (s *Step) onlyNamesMethod() bool { return s.bySASL() && s.mechanism() != "" && !s.provedSecret() }

// namesUser reports whether a step is the first half of a login with USER and PASS.
func (s *Step) namesUser() bool { return s.Verb == "USER" }

// loginMethodRefused finds a client whose authentication method the server refuses.
func loginMethodRefused(c *Case) (all []Evidence) {
	for _, f := range c.Sessions {
		if s := f.refusedStep(); s != nil && c.settled(f) && f.methodRefused(s) {
			all = append(all, Evidence{Sessions: []*Facts{f}, Step: s, Severity: f.refusalSeverity(), Words: f.whyNoMethod(s)})
		}
	}
	return all
}

func (f *Facts) whyNoMethod(s *Step) map[string]string {
	w := map[string]string{"mechanism": s.mechanism(), "reply": s.Reply.Last(), "sent": "No password was sent.", "advice": "Choose another authentication method."}
	if s.provedSecret() {
		what := "password"
		if slices.Contains(tokenMechanisms, s.mechanism()) {
			what = "token"
		}
		w["sent"] = "It takes no login in this way, so this says nothing about the " + what + "."
	}
	if f.wantsTLS(s) {
		w["mechanism"] += " without encryption"
		w["advice"] = "Set encryption to STARTTLS, or to SSL/TLS with port " + itoa(f.speaks.Door(true)) + "."
		return w
	}
	listed := f.inForce(s)
	if listed == nil {
		listed = f.Listed[!s.Secure] // it looked there only
	}
	others := slices.DeleteFunc(f.ways(listed), func(m string) bool { return m == s.mechanism() })
	switch {
	case len(others) == 0 && listed != nil:
		w["advice"] += " The server lists no other."
	case len(others) > 0:
		w["advice"] += " The server lists: " + strings.Join(others, ", ") + "." + onScreens(others)
	}
	return w
}

// ways returns the ways to log in that a list has: its mechanisms and, if it has none of the common ones, the command that
// carries a password.
func (f *Facts) ways(l *List) []string {
	all := l.Mechanisms()
	if l == nil || slices.ContainsFunc(all, isCommon) {
		return all
	}
	for _, w := range f.speaks.Words {
		if w.Login && !w.Digest && w.Secret != event.SecretResponse && l.allows(w) {
			all = append(all, cmp.Or(w.Needs, w.Verb))
		}
	}
	return all
}

// screenWords are what settings screens call methods.
var screenWords = []struct {
	words   string
	methods []string
}{
	{`"normal password"`, []string{"PLAIN", "LOGIN", "USER"}},
	{`"encrypted password"`, []string{"CRAM-MD5"}},
	{`"OAuth2"`, tokenMechanisms},
	{`"Kerberos"`, []string{"GSSAPI"}},
}

// onScreens says what settings screens call these methods, as a sentence with a space before it, or "" if they call them
// by their names.
func onScreens(methods []string) string {
	var called []string
	for _, x := range screenWords {
		var these []string
		for _, m := range methods {
			if slices.Contains(x.methods, m) {
				these = append(these, m)
			}
		}
		if these != nil {
			called = append(called, x.words+" for "+strings.Join(these, " and "))
		}
	}
	if called == nil {
		return ""
	}
	return " (Settings screens say " + strings.Join(called, ", ") + ".)"
}

var timestamp = lazyregexp.New(`<[^<> ]+>`)

// setToDigest says that a client which left without a word may be set to APOP, if the server's greeting has no timestamp
// for that (RFC 1939 section 7). It returns "" if it has one, or if the protocol has no APOP.
func (f *Facts) setToDigest() string {
	if _, has := f.speaks.Words.Find("APOP"); !has || f.Greeting.Class != event.OK || timestamp.MatchString(f.Greeting.Last()) {
		return ""
	}
	text := "Or it is set to APOP, which needs a timestamp in the server's greeting, and there is none: choose another authentication method"
	if ways := f.ways(f.offered); len(ways) > 0 {
		text += " (" + strings.Join(ways, ", ") + ")"
	}
	return text + "."
}

// commonMechanisms are those that most clients support.
var commonMechanisms = []string{"PLAIN", "LOGIN"}

func isCommon(mechanism string) bool { return slices.Contains(commonMechanisms, mechanism) }

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
	return slices.ContainsFunc(offered, isCommon) || f.offersPassword(f.Listed[f.onTLS()])
}

// noCommonMechanism finds a client that looked at a list without any of the common mechanisms and left. One that waits may
// be asking its user to sign in, so nothing is said before it leaves, and less if it waited.
func noCommonMechanism(c *Case) (all []Evidence) {
	for _, f := range c.Sessions {
		offered := c.onlyLooked(f)
		if len(offered) == 0 || f.common(offered) || !f.left() {
			continue
		}
		e := Evidence{Sessions: []*Facts{f}, Guess: true, Words: map[string]string{"offered": strings.Join(offered, ", "), "screens": onScreens(offered), "waited": ""}}
		if f.waitedToLeave() {
			e.Severity, e.Words["waited"] = Info, " It had waited for some seconds first: perhaps its user was asked to sign in, and didn't."
		}
		all = append(all, e)
	}
	return all
}

// waitedToLeave reports whether the client was silent for some seconds before it left or said goodbye.
func (f *Facts) waitedToLeave() bool {
	before, last := f.Greeting.At, f.End.Sub(f.Start)
	for _, s := range f.Steps {
		if s.leaves() {
			last = s.At
			break
		}
		before = s.Reply.At
	}
	return last-before >= patient
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
