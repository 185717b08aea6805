package check

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/door"
)

const (
	user   = "alice@example.test"
	secret = "geheim\"123\\"
)

// account adds a login to the options of a check.
func account(o *Options) { o.User, o.Password = user, secret }

// imapServer returns a server with these capabilities that answers a login like this.
func imapServer(capabilities, answer string) func(*line) {
	return func(l *line) {
		l.say("* OK x")
		l.talk(map[string]string{
			"CAPABILITY": "* CAPABILITY IMAP4rev1 " + capabilities + "\na1 OK",
			"LOGIN":      answer, "AUTHENTICATE": "+ ", plainAnswer: answer,
			"EXAMINE": "* 0 EXISTS\na1 OK [READ-ONLY]", "LOGOUT": "a1 OK",
		})
	}
}

// plainAnswer is what talk sees of PLAIN's response.
var plainAnswer = strings.ToUpper(base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + secret)))

func TestLogin(t *testing.T) {
	t.Parallel()
	ca := authority(t)
	for name, c := range map[string]struct {
		port    int
		script  func(*line)
		state   LoginState
		words   string
		try     string
		attempt string // the only line that contains the password
	}{
		"IMAP PLAIN": {993, imapServer("AUTH=PLAIN", "a1 OK in"), LoginOK, "works", "", base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + secret))},
		"IMAP LOGIN": {993, imapServer("", "a1 OK in"), LoginOK, "works", "", `a1 LOGIN "alice@example.test" "geheim\"123\\"`},
		"only XOAUTH2": {993, imapServer("LOGINDISABLED AUTH=XOAUTH2", "a1 NO never"),
			LoginOAuth, "only OAuth2", "authentication to OAuth2", ""},
		"only GSSAPI":  {993, imapServer("LOGINDISABLED AUTH=GSSAPI", "a1 NO never"), LoginNoMechanism, "GSSAPI", "PLAIN", ""},
		"wrong":        {993, imapServer("AUTH=PLAIN", "a1 NO [AUTHENTICATIONFAILED] no"), LoginWrong, "is wrong", "whole address", "*"},
		"without code": {993, imapServer("AUTH=PLAIN", "a1 NO LOGIN failed."), LoginWrong, "without a reason", "whole address", "*"},
		"unavailable":  {993, imapServer("AUTH=PLAIN", "a1 NO [UNAVAILABLE] later"), LoginTemporary, "just now", "few minutes", "*"},
		"webalert": {993, imapServer("AUTH=PLAIN", "* NO [WEBALERT https://x] go\na1 NO [ALERT] Please log in"),
			LoginWeb, "with a browser", "web page", "*"},
		"echoes the password": {993, imapServer("AUTH=PLAIN", "a1 NO wrong: "+secret), LoginWrong, "", "", "*"},
		"closes":              {993, imapServer("AUTH=PLAIN", "* BYE"), LoginBroken, "no answer within", "", "*"},
		"useless": {993, func(l *line) {
			l.say("* OK x")
			l.talk(map[string]string{"CAPABILITY": "* CAPABILITY IMAP4rev1\na1 OK", "LOGIN": "a1 OK in", "EXAMINE": "a1 BAD User is authenticated but not connected."})
		}, LoginUseless, "didn't open the mailbox", "IMAP is switched on", "*"},
		"POP3 USER": {995, func(l *line) {
			l.say("+OK")
			l.talk(map[string]string{"CAPA": "-ERR what", "USER": "+OK", "PASS": "+OK", "STAT": "+OK 0 0", "QUIT": "+OK"})
		}, LoginOK, "works", "", "PASS " + secret},
		"POP3 in use": {995, func(l *line) {
			l.say("+OK")
			l.talk(map[string]string{"CAPA": "+OK\nUSER\n.", "USER": "+OK", "PASS": "-ERR [IN-USE] locked", "QUIT": "+OK"})
		}, LoginInUse, "another client", "close the other client", "*"},
		"SMTP LOGIN": {465, func(l *line) {
			l.say("220 x")
			l.hear()
			l.say("250-x", "250 AUTH LOGIN")
			l.hear()
			l.say("334 VXNlcm5hbWU6")
			l.hear()
			l.say("334 UGFzc3dvcmQ6")
			l.hear()
			l.say("235 2.7.0 in")
			l.talk(ehlo)
		}, LoginOK, "works", "", base64.StdEncoding.EncodeToString([]byte(secret))},
		"SMTP 535": {465, smtpLogin("535 5.7.8 no"), LoginWrong, "is wrong", "whole address", "*"},
		"SMTP 454": {465, smtpLogin("454 4.7.0 later"), LoginTemporary, "just now", "few minutes", "*"},
		"SMTP basic": {465, smtpLogin("535 5.7.139 Authentication unsuccessful, basic authentication is disabled."),
			LoginOAuth, "only OAuth2", "OAuth2", "*"},
		"SMTP tenant": {465, smtpLogin("535 5.7.139 x, SmtpClientAuthentication is disabled for the Tenant."), LoginDisabled, "SMTP AUTH", "administrator", "*"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, secure(t, ca, "", c.script))
			r, d := look(t, c.port, f, func(o *Options) { account(o); o.Roots = append(o.Roots, ca.Cert()) })
			f.done()
			if d.Login == nil || d.Login.State != c.state || !strings.Contains(d.Login.Words, c.words) {
				t.Fatalf("%+v, want %q, …%s…; problems %+v", d.Login, c.state, c.words, r.Problems)
			}
			if c.state != LoginOK {
				p := problem(t, r, "login-"+string(c.state))
				if r.Good || p.Severity != Error || !strings.Contains(p.Try, c.try) {
					t.Errorf("good %v, %+v", r.Good, p)
				}
			}
			attempts := 0
			for _, s := range f.heard() {
				if strings.Contains(s, secret) || strings.Contains(s, "geheim") || strings.EqualFold(s, plainAnswer) ||
					s == base64.StdEncoding.EncodeToString([]byte(secret)) {
					attempts++
					if c.attempt != "*" && s != c.attempt {
						t.Errorf("sent %q, want %q", s, c.attempt)
					}
				}
			}
			if want := map[bool]int{true: 0, false: 1}[c.attempt == ""]; attempts != want {
				t.Errorf("%d attempts, want %d: %q", attempts, want, f.heard())
			}
			if b, _ := json.Marshal(r); strings.Contains(string(b), "geheim") || strings.Contains(strings.ToUpper(string(b)), plainAnswer) {
				t.Errorf("the password is in the report: %s", b)
			}
		})
	}
}

func smtpLogin(answer string) func(*line) {
	return func(l *line) {
		l.say("220 x")
		l.talk(with(ehlo, "AUTH", "334 ", plainAnswer, answer))
	}
}

// TestPasswordStays checks that, without the user's permission, the password is sent neither in clear nor to a server
// whose certificate doesn't verify.
func TestPasswordStays(t *testing.T) {
	t.Parallel()
	ca := authority(t)
	inTLS := secure(t, ca, "", imapServer("AUTH=PLAIN", "a1 OK"))
	clear := imapServer("", "a1 OK")
	for name, c := range map[string]struct {
		port   int
		script func(*line)
		edit   func(*Options)
		sent   bool
		words  string
	}{
		"unknown CA":          {993, inTLS, nil, false, "--allow-untrusted-login"},
		"unknown CA, allowed": {993, inTLS, func(o *Options) { o.AllowUntrustedLogin = true }, true, "works"},
		"clear": {143, clear, func(o *Options) { o.Wishes = map[door.Protocol]Wish{door.IMAP: Plain} },
			false, "--allow-plain-login"},
		"clear, allowed": {143, clear, func(o *Options) {
			o.Wishes = map[door.Protocol]Wish{door.IMAP: Plain}
			o.AllowPlainLogin = true
		}, true, "works"},
		"clear, allowed but not asked for": {143, clear, func(o *Options) { o.AllowPlainLogin, o.AllLogins = true, true }, false, "no encryption"},
		"clear, all logins":                {143, clear, func(o *Options) { o.AllLogins, o.AllowUntrustedLogin = true, true }, false, "no encryption"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, c.script)
			r, d := look(t, c.port, f, func(o *Options) {
				account(o)
				if c.edit != nil {
					c.edit(o)
				}
			})
			f.done()
			sent := false
			for _, s := range f.heard() {
				sent = sent || strings.Contains(s, "geheim") || strings.EqualFold(s, plainAnswer)
			}
			if sent != c.sent {
				t.Errorf("sent %v: %q", sent, f.heard())
			}
			if d.Login == nil || !strings.Contains(d.Login.Words, c.words) || (d.Login.State == LoginOK) != c.sent {
				t.Errorf("%+v; %+v", d.Login, r.Problems)
			}
		})
	}
}

// TestHide checks a server's echo of the password, in the form in which it was sent, or cut off in the middle.
func TestHide(t *testing.T) {
	t.Parallel()
	c := newChecker(Options{User: user, Password: secret})
	plain := answers("PLAIN", user, secret)[0]
	for _, echo := range []string{
		"BAD what is a1 LOGIN " + quoted(user) + " " + quoted(secret),
		clean(strings.Repeat("x", maxText-6) + secret), clean(strings.Repeat("x", maxText-20) + plain), "no " + plain, "no " + secret,
	} {
		shown := c.redact(echo)
		for _, part := range []string{secret[:4], plain[:12]} {
			if strings.Contains(shown, part) {
				t.Errorf("%q is in %q", part, shown)
			}
		}
	}
	if words := "no such user; try again…"; c.redact(words) != words {
		t.Errorf("%q becomes %q", words, c.redact(words))
	}
}

// TestSecondConnection checks that what was trusted in the first look is checked again before the password is sent: it
// may not be there any more.
func TestSecondConnection(t *testing.T) {
	t.Parallel()
	good, evil := authority(t), authority(t)
	first := secure(t, good, "", imapServer("AUTH=PLAIN", "a1 OK"))
	later := secure(t, evil, "", imapServer("AUTH=PLAIN", "a1 OK"))
	f := serve(t, func(l *line) {
		l.f.mu.Lock()
		n := l.f.n
		l.f.mu.Unlock()
		if n == 1 {
			first(l)
		} else {
			later(l)
		}
	})
	_, d := look(t, 993, f, func(o *Options) { account(o); o.Roots = append(o.Roots, good.Cert()) })
	f.done()
	if d.Login == nil || d.Login.State != LoginNotTried {
		t.Errorf("%+v", d.Login)
	}
	for _, s := range f.heard() {
		if strings.EqualFold(s, plainAnswer) {
			t.Error("the password went to a stranger")
		}
	}
}
