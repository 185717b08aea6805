package check

import (
	"strings"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/refusal"
)

// LoginState says how a login ended.
type LoginState string

// The states of a login.
const (
	LoginOK          LoginState = "ok"
	LoginNotTried    LoginState = "not-tried"
	LoginWrong       LoginState = "wrong-password"
	LoginAppPassword LoginState = "app-password-needed"
	LoginWeb         LoginState = "web-login-needed"
	LoginOAuth       LoginState = "oauth-needed"
	LoginDisabled    LoginState = "disabled" // the service is switched off for this account
	LoginLocked      LoginState = "locked"   // the account is locked
	LoginNotAllowed  LoginState = "not-authorized"
	LoginExpired     LoginState = "password-expired"
	LoginTemporary   LoginState = "temporary"
	LoginTooMany     LoginState = "too-many"
	LoginInUse       LoginState = "in-use" // another client is using the mailbox (POP3)
	LoginEncryption  LoginState = "needs-encryption"
	LoginNoMechanism LoginState = "no-mechanism"
	LoginUseless     LoginState = "useless" // the login succeeded, and then the mailbox didn't open
	LoginBroken      LoginState = "broken"  // the conversation broke off
	LoginRefused     LoginState = "refused" // for another reason
)

// blamesPassword reports whether another attempt with the same password could count against the account.
func (s LoginState) blamesPassword() bool {
	return s == LoginWrong || s == LoginLocked || s == LoginTooMany || s == LoginExpired
}

// meant is what a meaning of a refusal becomes in the report.
type meant struct {
	state LoginState
	words string
}

// meanings lists the meanings that have words here. Readings that are only hints don't count.
var meanings = map[refusal.Meaning]meant{
	refusal.AppPassword:      {LoginAppPassword, "the provider wants an app password, not the account's own"},
	refusal.WebLogin:         {LoginWeb, "the provider wants you to log in with a browser first"},
	refusal.OAuthWanted:      {LoginOAuth, "the provider no longer takes passwords here, only OAuth2"},
	refusal.SendingOff:       {LoginDisabled, "sending with a password is switched off for the account (SMTP AUTH)"},
	refusal.NoLogins:         {LoginDisabled, "this port takes no logins"},
	refusal.ServiceOff:       {LoginDisabled, "this protocol is switched off for the account"},
	refusal.NoSuchCommand:    {LoginDisabled, "this port refuses this kind of login, although it offers it"},
	refusal.TooManyAttempts:  {LoginTooMany, "too many attempts or connections"},
	refusal.TooMany:          {LoginTooMany, "too many attempts or connections"},
	refusal.TooSoon:          {LoginTooMany, "the server wants more time between two logins"},
	refusal.Expired:          {LoginExpired, "the password has expired"},
	refusal.SetAnew:          {LoginExpired, "the server wants a new password to be set before this works"},
	refusal.Locked:           {LoginLocked, "the account is disabled or locked"},
	refusal.AskAdministrator: {LoginLocked, "the account is disabled; its administrator knows why"},
	refusal.NotAuthorised:    {LoginNotAllowed, wordsNotAllowed},
	refusal.PerhapsForbidden: {LoginNotAllowed, wordsNotAllowed},
	refusal.SystemFault:      {LoginNotAllowed, wordsNotAllowed},
	refusal.Temporary:        {LoginTemporary, wordsTemporary},
	refusal.ServerFault:      {LoginTemporary, wordsTemporary},
	refusal.InUse:            {LoginInUse, "another client has the mailbox open"},
	refusal.NeedsEncryption:  {LoginEncryption, wordsEncrypt},
	refusal.NeedsSomething:   {LoginEncryption, wordsEncrypt},
	refusal.NoSuchMechanism:  {LoginNoMechanism, "the server refuses this way to log in, although it lists it; the password may well be right"},
	refusal.TooWeak:          {LoginRefused, "the server finds this way to log in too weak"},
	refusal.NotUnderstood:    {LoginRefused, "the server doesn't understand the login"},
	refusal.Refused:          {LoginRefused, "the login was refused"},
	refusal.WrongCredentials: {LoginWrong, "the user name or the password is wrong"},
}

const (
	wordsNotAllowed = "the account may not use this service"
	wordsTemporary  = "the server can't check passwords just now"
	wordsEncrypt    = "the server wants encryption first"
)

// refused says in words why the server refused a login.
func refused(p door.Protocol, r reply) (LoginState, string) {
	status, _, _ := strings.Cut(r.text, " ")
	for _, reading := range refusal.Read(refusal.Reply{
		Protocol: string(p), Status: status, Code: r.code, Enhanced: r.enhanced, Text: r.text + " " + strings.Join(r.lines, " "),
	}) {
		if m, ok := meanings[reading.Meaning]; ok && !reading.Hint {
			return m.state, m.words
		}
	}
	return LoginWrong, "refused without a reason; probably the user name or the password is wrong"
}

// noMechanism says what the server wants in place of a password.
func noMechanism(c *Capabilities) *Login {
	l := &Login{State: LoginNoMechanism, Words: "not tried: the door offers no login"}
	switch {
	case firstOf(c.Mechanisms, "XOAUTH2", "OAUTHBEARER") != "":
		l.State, l.Words = LoginOAuth, "not tried: the provider takes no passwords here, only OAuth2"
	case len(c.Mechanisms) > 0:
		l.Words = "not tried: the door offers only mechanisms that this check doesn't speak: " + strings.Join(c.Mechanisms, ", ")
	}
	return l
}
