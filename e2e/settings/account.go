package main

import "strconv"

// account is what a person types into a settings screen, or into a program's configuration.
type account struct {
	protocol string // smtp, imap or pop3: what the account is for, whatever the port speaks; http for a program of the web
	door     int    // standard port
	mode     string // clear, starttls or tls
	host     string // as it is typed
	trust    string // ca: the program trusts the rig's CA; none: what the system trusts; any: every certificate
	user     string
	password string
	login    string // authentication method; "": the program's own choice; noLogin
	tls      string // "": the program's own choice; old: TLS 1.1 at most; cipher: a cipher suite that the server lacks
}

// noLogin is an account's method where the program is told no user and no password.
const noLogin = "none"

func (a account) String() string {
	text := a.protocol + " at " + strconv.Itoa(a.door) + ", " + a.mode
	if a.login == noLogin {
		text, a.login = text+", no login", "" // not to be taken for a trust of none
	}
	for _, word := range []struct{ value, usual string }{{a.host, "localhost"}, {a.trust, "ca"}, {a.user, rightUser}, {a.password, rightPassword}, {a.login, ""}, {a.tls, ""}} {
		if word.value != word.usual {
			text += ", " + word.value
		}
	}
	return text
}

// features are the settings that not every program has.
func (a *account) features() []string {
	all := []string{a.mode, a.tls, a.login}
	if a.mode != "clear" {
		all = append(all, a.trust)
	}
	return all
}

const (
	rightUser     = "alice@example.test"
	rightPassword = "secret"
)

// door is a standard port as the RFCs and providers' help pages describe it. It isn't read from mailrig's own table: the
// rules must not share the mistakes of what they judge.
type door struct {
	number   int
	protocol string
	begins   string // clear or tls
	login    bool   // mail is taken after a login only, and logins inside TLS only
}

var doors = []door{
	{25, "smtp", "clear", false},
	{2525, "smtp", "clear", false},
	{587, "smtp", "clear", true},
	{465, "smtp", "tls", true},
	{143, "imap", "clear", false},
	{993, "imap", "tls", false},
	{110, "pop3", "clear", false},
	{995, "pop3", "tls", false},
}

func doorAt(number int) door {
	for _, d := range doors {
		if d.number == number {
			return d
		}
	}
	panic("no door " + strconv.Itoa(number)) // all accounts are made from doors
}

// right is the encryption that fits the door.
func (d door) right() string {
	if d.begins == "tls" {
		return "tls"
	}
	return "starttls"
}

// sane returns an account with the right settings for a door.
func (d door) sane() account {
	return account{protocol: d.protocol, door: d.number, mode: d.right(), host: "localhost", trust: "ca", user: rightUser, password: rightPassword}
}

// secure returns the number of the protocol's port that begins with TLS, where people log in.
func secure(protocol string) string {
	return map[string]string{"smtp": "465", "imap": "993", "pop3": "995"}[protocol]
}
