package check

import (
	"strings"

	"github.com/mailrig/mailrig/internal/door"
)

// LoginState is how a login ended.
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
	LoginLocked      LoginState = "locked"   // the account is
	LoginNotAllowed  LoginState = "not-authorized"
	LoginExpired     LoginState = "password-expired"
	LoginTemporary   LoginState = "temporary"
	LoginTooMany     LoginState = "too-many"
	LoginInUse       LoginState = "in-use" // another client has the mailbox (POP3)
	LoginEncryption  LoginState = "needs-encryption"
	LoginNoMechanism LoginState = "no-mechanism"
	LoginUseless     LoginState = "useless" // it worked, and then the mailbox didn't open
	LoginBroken      LoginState = "broken"  // the conversation broke off
	LoginRefused     LoginState = "refused" // for another reason
)

// blamesPassword tells whether one more attempt with the same password could count
// against the account.
func (s LoginState) blamesPassword() bool {
	return s == LoginWrong || s == LoginLocked || s == LoginTooMany || s == LoginExpired
}

// sign is how a refusal is recognised: by a piece of the text, because providers
// share codes between quite different reasons.
type sign struct {
	piece string // lower case
	state LoginState
	words string
}

func signs() []sign {
	const (
		app    = "the provider wants an app password, not the account's own"
		web    = "the provider wants you to log in with a browser first"
		oauth  = "the provider no longer takes passwords here, only OAuth2"
		off    = "this way to the mail is switched off for the account"
		often  = "too many attempts or connections"
		locked = "the account is disabled or locked"
	)
	return []sign{
		{"application-specific password", LoginAppPassword, app},
		{"app password", LoginAppPassword, app},
		{"app-specific password", LoginAppPassword, app},
		{"invalidsecondfactor", LoginAppPassword, app},
		{"webalert", LoginWeb, web},
		{"web browser", LoginWeb, web},
		{"web login", LoginWeb, web},
		{"basic authentication is", LoginOAuth, oauth},
		{"smtpclientauthentication is disabled", LoginDisabled, "sending with a password is switched off for the account (SMTP AUTH)"},
		{"authentication not enabled", LoginDisabled, "this port takes no logins"},
		{"not enabled for", LoginDisabled, off},
		{"too many", LoginTooMany, often},
		{"password expired", LoginExpired, "the password has expired"},
		{"account disabled", LoginLocked, locked},
		{"account is disabled", LoginLocked, locked},
		{"account locked", LoginLocked, locked},
		{"account is locked", LoginLocked, locked},
	}
}

// refusal says in words why a login was refused.
func refusal(p door.Protocol, r reply) (LoginState, string) {
	all := strings.ToLower(r.text + " " + strings.Join(r.lines, " "))
	for _, s := range signs() {
		if strings.Contains(all, s.piece) {
			return s.state, s.words
		}
	}
	switch p {
	case door.SMTP:
		return smtpRefusal(r)
	case door.IMAP:
		return imapRefusal(r)
	default:
		return pop3Refusal(r)
	}
}

const (
	wordsWrong     = "user name or password is wrong"
	wordsProbably  = "refused without saying why; probably user name or password is wrong"
	wordsTemporary = "the server can't check passwords just now"
	wordsLocked    = "the account is disabled; its administrator knows why"
	wordsEncrypt   = "the server wants encryption first"
	wordsNotAllow  = "the account may not use this service"
	wordsTransit   = "the server wants the password to be set anew before this works"
)

// smtpRefusal goes by RFC 4954 section 6.
func smtpRefusal(r reply) (LoginState, string) {
	switch {
	case r.code == "432":
		return LoginExpired, wordsTransit
	case strings.HasPrefix(r.code, "4"):
		return LoginTemporary, wordsTemporary
	case r.code == "525":
		return LoginLocked, wordsLocked
	case r.code == "530", r.code == "538":
		return LoginEncryption, wordsEncrypt
	case r.code == "534":
		return LoginRefused, "the server finds this way to log in too weak"
	case r.code == "535" && r.enhanced == "5.7.1":
		return LoginNotAllowed, wordsNotAllow
	case r.code == "535":
		return LoginWrong, wordsWrong
	case r.code == "502", r.code == "503", r.code == "504":
		return LoginDisabled, "this port takes no such login, although it offers it"
	default:
		return LoginRefused, "the login was refused"
	}
}

// imapRefusal goes by RFC 5530.
func imapRefusal(r reply) (LoginState, string) {
	switch r.code {
	case "AUTHENTICATIONFAILED":
		return LoginWrong, wordsWrong
	case "AUTHORIZATIONFAILED":
		return LoginNotAllowed, wordsNotAllow
	case "EXPIRED":
		return LoginExpired, "the password has expired"
	case "PRIVACYREQUIRED":
		return LoginEncryption, wordsEncrypt
	case "CONTACTADMIN":
		return LoginLocked, wordsLocked
	case "UNAVAILABLE", "SERVERBUG":
		return LoginTemporary, wordsTemporary
	case "LIMIT":
		return LoginTooMany, "too many attempts or connections"
	case "INUSE":
		return LoginInUse, "another client has the mailbox open"
	}
	if strings.HasPrefix(strings.ToUpper(r.text), "BAD") {
		return LoginRefused, "the server doesn't understand the login"
	}
	return LoginWrong, wordsProbably
}

// pop3Refusal goes by RFC 2449 section 8 and RFC 3206.
func pop3Refusal(r reply) (LoginState, string) {
	switch {
	case r.code == "AUTH":
		return LoginWrong, wordsWrong
	case r.code == "IN-USE":
		return LoginInUse, "another client has the mailbox open"
	case r.code == "LOGIN-DELAY":
		return LoginTooMany, "the server wants more time between two logins"
	case r.code == "SYS/TEMP":
		return LoginTemporary, wordsTemporary
	case r.code == "SYS/PERM":
		return LoginNotAllowed, wordsNotAllow
	default:
		return LoginWrong, wordsProbably
	}
}

// noMechanism says what the server wants instead of a password.
func noMechanism(c *Capabilities) *Login {
	l := &Login{State: LoginNoMechanism, Words: "not tried: the door offers no login"}
	switch {
	case firstOf(c.Mechanisms, "XOAUTH2", "OAUTHBEARER") != "":
		l.State, l.Words = LoginOAuth, "not tried: the provider takes no passwords here, only OAuth2"
	case len(c.Mechanisms) > 0:
		l.Words = "not tried: only mechanisms that this check doesn't speak: " + strings.Join(c.Mechanisms, ", ")
	}
	return l
}
