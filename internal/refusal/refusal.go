// Package refusal says what a server means by refusing a login, or a command for want of one: an app password
// is wanted, the service is switched off, the account is locked. Providers share reply codes between quite
// different reasons, so the words of a reply count first, then its codes. One table (signs.go) has both, with
// their sources.
//
// Read returns every reading of a reply, the most telling one first. Who asks takes the first one for which it
// has words of its own: check says what the user should try, diagnose which setting to change.
package refusal

import (
	"slices"
	"strings"
)

// Meaning is what a refusal means.
type Meaning string

// The meanings.
const (
	AppPassword      Meaning = "app-password"      // a password made for this one program is wanted
	WebLogin         Meaning = "web-login"         // the user must log in with a browser first
	OAuthWanted      Meaning = "oauth-wanted"      // passwords are no longer taken
	SendingOff       Meaning = "sending-off"       // SMTP AUTH is switched off for the account
	NoLogins         Meaning = "no-logins"         // this port takes no logins
	ServiceOff       Meaning = "service-off"       // this way to the mail is switched off for the account
	Referred         Meaning = "referred"          // the account is on another server
	Expired          Meaning = "expired"           // the password is
	SetAnew          Meaning = "set-anew"          // the password must be set anew before this mechanism works
	TooWeak          Meaning = "too-weak"          // the mechanism is
	NoSuchMechanism  Meaning = "no-such-mechanism" // or a parameter of it isn't known
	NoSuchCommand    Meaning = "no-such-command"   // AUTH isn't known, or not now
	NotUnderstood    Meaning = "not-understood"    // the server can't read the command
	NeedsEncryption  Meaning = "needs-encryption"  // TLS must come first
	NeedsSomething   Meaning = "needs-something"   // TLS or a login must come first; the code doesn't say which
	TooManyAttempts  Meaning = "too-many-attempts" // logins that failed
	TooMany          Meaning = "too-many"          // connections, or attempts
	TooSoon          Meaning = "too-soon"          // after the last login
	Locked           Meaning = "locked"            // the account is disabled or locked
	AskAdministrator Meaning = "ask-administrator" // the account is disabled; its administrator knows why
	NotAuthorised    Meaning = "not-authorised"    // the password is right, and the account may not use this
	PerhapsForbidden Meaning = "perhaps-forbidden" // by its code it is as before; some servers mean the password
	SystemFault      Meaning = "system-fault"      // lasting, and for an administrator to mend
	ServerFault      Meaning = "server-fault"      // a bug
	InUse            Meaning = "in-use"            // another client has the mailbox
	Temporary        Meaning = "temporary"         // later, perhaps
	WrongCredentials Meaning = "wrong-credentials" // user name or password
	Refused          Meaning = "refused"           // for a reason of its own
	Unwelcome        Meaning = "unwelcome"         // refused as a matter of policy
	SpeaksOfTLS      Meaning = "speaks-of-tls"     // a command in clear was refused, and the reply speaks of encryption
)

// Reply is a reply that refuses.
type Reply struct {
	Protocol string // its name
	Status   string // IMAP: NO or BAD, where it is known
	Code     string // SMTP: the reply code; IMAP and POP3: the response code
	Enhanced string // SMTP: the enhanced status code
	Text     string // all of it, untagged lines too
}

// Reading is a possible meaning of a reply.
type Reading struct {
	Meaning Meaning
	// Hint says that the sign is weak: a word that may stand there for another reason.
	Hint bool
}

// Read returns what a reply may mean, the most telling reading first.
func Read(r Reply) (all []Reading) {
	r.Text = strings.ToLower(r.Text)
	for _, s := range signs {
		reading := Reading{s.means, s.hint}
		if s.in(r) && !slices.Contains(all, reading) {
			all = append(all, reading)
		}
	}
	return all
}

// Means reports whether a reading of the reply is one of these.
func Means(r Reply, any ...Meaning) bool {
	return slices.ContainsFunc(Read(r), func(x Reading) bool { return slices.Contains(any, x.Meaning) })
}

// in reports whether the sign is in a reply. The reply's text is in lower case.
func (s sign) in(r Reply) bool {
	return (s.protocol == "" || s.protocol == r.Protocol) &&
		strings.Contains(r.Text, s.text) &&
		matches(s.code, r.Code) && matches(s.enhanced, r.Enhanced) && matches(s.status, r.Status)
}

// matches reports whether a code is like a pattern: equal, or, with a pattern that ends in x, of that kind.
func matches(pattern, code string) bool {
	if kind, ok := strings.CutSuffix(pattern, "x"); ok {
		return strings.HasPrefix(code, kind)
	}
	return pattern == "" || strings.EqualFold(pattern, code)
}
