// Package refusal interprets a server's refusal of a login or of a command: the server wants an app password, the
// service is switched off, the account is locked. Providers use one reply code for quite different reasons, so the
// words of a reply count first and its codes second. Tables list both, with their sources: signs.go those of logins,
// commands.go those of other commands.
//
// Read returns every reading of a reply, the most specific one first. The caller takes the first reading that it has
// words for: check says what the user should try, diagnose says which setting to change. To recognize another refusal,
// add a row to signs; for a new meaning, add a constant here and its words there.
package refusal

import (
	"slices"
	"strings"
)

// Meaning is what a refusal means.
type Meaning string

// The meanings of a refusal.
const (
	AppPassword      Meaning = "app-password"      // the server wants a password made for this one program
	WebLogin         Meaning = "web-login"         // the user must log in with a browser first
	OAuthWanted      Meaning = "oauth-wanted"      // the server no longer accepts passwords
	SendingOff       Meaning = "sending-off"       // SMTP AUTH is switched off for the account
	NoLogins         Meaning = "no-logins"         // this port accepts no logins
	ServiceOff       Meaning = "service-off"       // this protocol is switched off for the account
	Referred         Meaning = "referred"          // the account is on another server
	Expired          Meaning = "expired"           // the password has expired
	SetAnew          Meaning = "set-anew"          // the user must set the password again before this mechanism works
	TooWeak          Meaning = "too-weak"          // the mechanism is too weak
	NoSuchMechanism  Meaning = "no-such-mechanism" // the mechanism, or a parameter of it, is unknown
	NoSuchCommand    Meaning = "no-such-command"   // the server doesn't know AUTH, or doesn't accept it now
	NotUnderstood    Meaning = "not-understood"    // the server can't parse the command
	WantsID          Meaning = "wants-id"          // the client must say which program it is (IMAP's ID)
	NeedsEncryption  Meaning = "needs-encryption"  // the client must begin TLS first
	NeedsSomething   Meaning = "needs-something"   // the client must begin TLS or log in first; the code doesn't say which
	TooManyAttempts  Meaning = "too-many-attempts" // too many failed logins
	TooMany          Meaning = "too-many"          // too many connections or attempts
	TooBig           Meaning = "too-big"           // what the client sent is too large
	TooSoon          Meaning = "too-soon"          // too soon after the last login
	Locked           Meaning = "locked"            // the account is disabled or locked
	AskAdministrator Meaning = "ask-administrator" // the account is disabled; ask its administrator why
	NotAuthorised    Meaning = "not-authorised"    // the password is right, but the account may not use this
	PerhapsForbidden Meaning = "perhaps-forbidden" // the code says the same as not-authorised; some servers mean a wrong password
	SystemFault      Meaning = "system-fault"      // permanent; an administrator has to fix it
	ServerFault      Meaning = "server-fault"      // a bug in the server
	InUse            Meaning = "in-use"            // another client is using the mailbox
	Temporary        Meaning = "temporary"         // may work later
	WrongCredentials Meaning = "wrong-credentials" // wrong user name or password
	Refused          Meaning = "refused"           // for another reason
	Unwelcome        Meaning = "unwelcome"         // refused by policy
	SpeaksOfTLS      Meaning = "speaks-of-tls"     // the server refused a command in clear, and the reply mentions encryption
)

// Reply is a reply that refuses something.
type Reply struct {
	Protocol string // name of the protocol
	Status   string // IMAP: NO or BAD, if known
	Code     string // SMTP: the reply code; IMAP and POP3: the response code
	Enhanced string // SMTP: the enhanced status code
	Text     string // the whole text, including untagged lines
}

// Reading is one possible meaning of a reply.
type Reading struct {
	Meaning Meaning
	// Hint says that the evidence is weak: the word may be there for another reason.
	Hint bool
}

// Read returns what a reply may mean, the most specific reading first.
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

// Means reports whether the reply may have one of these meanings.
func Means(r Reply, any ...Meaning) bool {
	return slices.ContainsFunc(Read(r), func(x Reading) bool { return slices.Contains(any, x.Meaning) })
}

// in reports whether a reply shows the sign. The reply's text is in lower case.
func (s sign) in(r Reply) bool {
	return (s.protocol == "" || s.protocol == r.Protocol) &&
		strings.Contains(r.Text, s.text) &&
		matches(s.code, r.Code) && matches(s.enhanced, r.Enhanced) && matches(s.status, r.Status)
}

// matches reports whether a code equals a pattern. If the pattern ends in x, it matches every code with the same
// beginning.
func matches(pattern, code string) bool {
	if kind, ok := strings.CutSuffix(pattern, "x"); ok {
		return strings.HasPrefix(code, kind)
	}
	return pattern == "" || strings.EqualFold(pattern, code)
}
