package main

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/mailrig/mailrig/server"
)

// wrongly is a mistake in the settings of an account, and the server at which it is made.
type wrongly struct {
	kind    string // of mistake; nothingWrong is one too
	account account
	server  rig
	first   *account // what the program does before: it fetches mail
	want    want
}

// rig is the server of a case. The zero value is a correct server that takes any password.
type rig struct {
	scenario string
	users    []server.User
	address  string // where it listens; "" means localhost
}

func (w *wrongly) String() string {
	text := w.account.String()
	if w.server.scenario != "" {
		text += ", at a server with " + w.server.scenario
	}
	return text
}

// nothingWrong is the kind of the right settings.
const nothingWrong = "none: the settings are right"

// kinds are the kinds of mistake, in the order in which the score shows them.
var kinds = []string{
	"port and encryption", "another protocol's port", "CA not trusted", "address or name not in the certificate", "certificate expired or not to be trusted",
	"old TLS or cipher", "wrong password", "user without domain", "method that the server lacks", "no login", "port 25 blocked", "HTTP on a mail port", "two mistakes at once",
}

// cases are all mistakes, and the right settings.
func cases() []wrongly {
	return slices.Concat(sane(), encryption(), otherProtocol(), untrusted(), misnamed(), badCertificates(), oldTLS(), passwords(), methods(), noLogins(), blocked(), web(), two())
}

func sane() (all []wrongly) {
	for _, d := range doors {
		a := d.sane()
		all = append(all, wrongly{kind: nothingWrong, account: a})
		a.trust = "any"
		all = append(all, wrongly{kind: nothingWrong, account: a})
	}
	return all
}

// inClear are findings that are true of whoever logs in or sends without TLS.
var inClear = []string{"password-sent-in-clear", "mail-sent-in-clear", "login-despite-logindisabled", "login-refused", "login-method-refused", "used-unlisted-mechanism", "tls-needed", "left-before-starttls"}

// wantEncryption is what must be said to a client of the port's own protocol with the wrong encryption.
func wantEncryption(d door, mode string) want {
	port := strconv.Itoa(d.number)
	switch {
	case d.begins == "tls":
		words := []string{"Port " + port + " needs TLS from the first byte", "SSL/TLS"}
		return want{right: []saying{says("silent-on-tls-port", words...), says("clear-text-on-tls-port", words...)}, vague: []string{"connected-and-left"}}
	case mode == "tls":
		return want{right: []saying{says("tls-on-clear-port", "Port "+port+" starts unencrypted", "STARTTLS", "port "+secure(d.protocol))}}
	case d.login:
		words := []string{"Set encryption to STARTTLS", "port " + secure(d.protocol)}
		return want{right: []saying{says("tls-needed", words...), says("left-before-starttls", words...), says("password-sent-in-clear", words...)}, vague: []string{"login-missing", "looked-and-left"}, also: inClear}
	}
	return want{right: []saying{says("password-sent-in-clear", "Set encryption to STARTTLS", "port "+secure(d.protocol))}, also: inClear}
}

func encryption() (all []wrongly) {
	for _, d := range doors {
		for _, mode := range []string{"clear", "starttls", "tls"} {
			if mode == d.right() || mode == "clear" && d.number == 25 {
				continue // mail is taken on 25 from everybody, so there may be no password to lose
			}
			a := d.sane()
			a.mode = mode
			all = append(all, wrongly{kind: "port and encryption", account: a, want: wantEncryption(d, mode)})
		}
	}
	return all
}

// wantProtocol is what must be said to a client of another protocol. Most programs leave without a word when they see the
// greeting, as a health check does. Nobody can tell the two apart, so it is right to name both.
func wantProtocol(d door, mode string) want {
	is := []string{"port " + strconv.Itoa(d.number) + " is for " + title(d.protocol)}
	w := want{right: []saying{says("wrong-protocol", is...), says("expected-another-protocol", is...), says("connected-and-left", is...)}, vague: []string{"malformed-command", "looked-and-left"}}
	switch {
	case d.begins == "tls" && mode != "tls":
		return wantEncryption(d, mode)
	case d.begins != "tls" && mode == "tls":
		return want{right: []saying{says("tls-on-clear-port", "starts unencrypted")}}
	case mode == "tls":
		w.right = append(w.right, says("certificate-not-trusted", append(is, "another protocol")...))
	}
	return w
}

func title(protocol string) string {
	return map[string]string{"smtp": "SMTP", "imap": "IMAP", "pop3": "POP3"}[protocol]
}

func otherProtocol() (all []wrongly) {
	for _, protocol := range []string{"smtp", "imap", "pop3"} {
		for _, d := range doors {
			modes := []string{"tls"}
			if d.begins != "tls" {
				modes = []string{"clear", "starttls"}
			}
			if d.protocol == protocol || d.number == 2525 {
				continue
			}
			for _, mode := range modes {
				a := d.sane()
				a.protocol, a.mode = protocol, mode
				all = append(all, wrongly{kind: "another protocol's port", account: a, want: wantProtocol(d, mode)})
			}
		}
	}
	return all
}

// withTLS are the ports at which the mistakes about TLS are made, and those about logins.
var withTLS = []int{587, 465, 143, 993, 110, 995}

// each makes a case of the sane account at each of some ports.
func each(kind string, ports []int, edit func(d door, w *wrongly)) (all []wrongly) {
	for _, number := range ports {
		d := doorAt(number)
		w := wrongly{kind: kind, account: d.sane()}
		edit(d, &w)
		all = append(all, w)
	}
	return all
}

var trustTheCA = want{right: []saying{says("certificate-not-trusted", "trust the rig's CA")}, vague: []string{"connected-and-left", "expected-another-protocol"}}

func untrusted() []wrongly {
	return each("CA not trusted", withTLS, func(_ door, w *wrongly) {
		w.account.trust = "none"
		w.want = trustTheCA
	})
}

// elsewhere is an address of the machine that the certificate doesn't name, as long as the server listens at everywhere and
// not at that address by itself.
const elsewhere, everywhere = "127.0.0.2", "0.0.0.0"

func misnamed() []wrongly {
	const kind = "address or name not in the certificate"
	return slices.Concat(
		each(kind, withTLS, func(_ door, w *wrongly) {
			w.account.host, w.server.address = elsewhere, everywhere
			w.want = want{right: []saying{says("certificate-not-trusted", "isn't valid for "+elsewhere, "--hostname")}}
		}),
		each(kind, withTLS, func(_ door, w *wrongly) { *w = w.refusing("cert-wrong-host", "wrong-host") }))
}

// refusing is the case of a certificate that the program rightly refuses.
func (w wrongly) refusing(scenario, profile string) wrongly {
	w.server.scenario = scenario
	w.want = want{right: []saying{says("bad-certificate-refused", profile)}}
	return w
}

func badCertificates() (all []wrongly) {
	const kind = "certificate expired or not to be trusted"
	for scenario, profile := range map[string]string{"cert-expired": "expired", "cert-not-yet-valid": "not-yet-valid", "cert-self-signed": "self-signed", "cert-untrusted-root": "untrusted-root"} {
		all = append(all, each(kind, withTLS, func(_ door, w *wrongly) { *w = w.refusing(scenario, profile) })...)
	}
	all = append(all, each(kind, withTLS, func(_ door, w *wrongly) {
		w.account.trust, w.server.scenario = "any", "cert-expired"
		w.want = want{right: []saying{says("continued-after-bad-certificate", "expired", "Switch certificate checks on")}}
	})...)
	slices.SortStableFunc(all, func(a, b wrongly) int { return slices.Compare([]byte(a.String()), []byte(b.String())) })
	return all
}

func oldTLS() []wrongly {
	const kind = "old TLS or cipher"
	version, cipher := want{right: []saying{says("tls-version-refused", "TLS 1.2 is the least")}}, want{right: []saying{says("tls-cipher-refused", "older")}}
	return slices.Concat(
		each(kind, withTLS, func(_ door, w *wrongly) { w.account.tls, w.want = "old", version }),
		each(kind, withTLS, func(_ door, w *wrongly) { w.account.tls, w.want = "cipher", cipher }),
		each(kind, withTLS, func(_ door, w *wrongly) { w.server.scenario, w.want = "tls-1-0-only", version }),
		each(kind, withTLS, func(_ door, w *wrongly) { w.server.scenario, w.want = "tls-no-common-cipher", cipher }))
}

var onlyAlice = []server.User{{Name: rightUser, Password: rightPassword}}

func passwords() []wrongly {
	// What wants an answer to a refusal is told by this too: that a password was sent again.
	refused := []string{"repeated-refused-password", "can-receive-cannot-send"}
	return slices.Concat(
		each("wrong password", withTLS, func(_ door, w *wrongly) {
			w.account.password, w.server.users = "wrong", onlyAlice
			w.want = want{right: []saying{says("login-refused", "the password")}, also: refused}
		}),
		each("user without domain", withTLS, func(_ door, w *wrongly) {
			w.account.user, w.server.users = "alice", []server.User{{Name: "alice@mail.test", Password: rightPassword}}
			w.want = want{right: []saying{says("login-refused", "the user name (often the whole address)")}, also: refused}
		}))
}

// wantMethod is what must be said where program and server have no method in common: that it is the method, and which ones
// the server has. A program that has read them in IMAP's greeting inside TLS may leave without a word, as one does that
// refuses the certificate. One that is set to APOP leaves a POP3 greeting without a timestamp as a health check does. Nobody
// can tell these apart, so it is right to name both.
func wantMethod(listed string) want {
	return want{
		right: []saying{says("login-method-refused", "authentication method", listed), says("used-unlisted-mechanism", "authentication method", listed),
			says("no-common-mechanism", "authentication method", listed), says("looked-and-left", "authentication method", listed),
			says("certificate-not-trusted", "trust the rig's CA", "authentication method", listed), says("connected-and-left", "health check", "authentication method", listed)},
		vague: []string{"login-refused", "login-despite-logindisabled", "malformed-command", "refused-for-good"},
		also:  []string{"login-despite-logindisabled", "login-refused", "login-method-refused", "used-unlisted-mechanism", "login-missing"},
	}
}

func methods() (all []wrongly) {
	const kind = "method that the server lacks"
	for _, m := range []string{"CRAM-MD5", "DIGEST-MD5", "NTLM", "APOP"} {
		ports := withTLS
		if m == "APOP" {
			ports = []int{110, 995}
		}
		all = append(all, each(kind, ports, func(_ door, w *wrongly) { w.account.login, w.want = m, wantMethod("PLAIN") })...)
	}
	for scenario, listed := range map[string]string{"auth-only-ntlm": "NTLM", "auth-only-xoauth2": "XOAUTH2", "auth-only-gssapi": "GSSAPI"} {
		all = append(all, each(kind, withTLS, func(_ door, w *wrongly) { w.server.scenario, w.want = scenario, wantMethod(listed) })...)
	}
	slices.SortStableFunc(all, func(a, b wrongly) int { return slices.Compare([]byte(a.String()), []byte(b.String())) })
	return all
}

func noLogins() []wrongly {
	return each("no login", []int{587, 465}, func(_ door, w *wrongly) {
		w.account.login = noLogin
		w.want = want{right: []saying{says("login-missing", "Switch on authentication")}}
	})
}

// blocked are the cases in which port 25 is out of reach: the program fetches mail first, and then tries to send.
func blocked() (all []wrongly) {
	for _, scenario := range []string{"port-25-blocked", "port-25-policy", "port-25-intercepted", "captive-portal", "receive-but-not-send"} {
		a := doorAt(25).sane()
		if scenario == "receive-but-not-send" {
			a = doorAt(587).sane()
		}
		w := wrongly{kind: "port 25 blocked", account: a, server: rig{scenario: scenario}}
		next := "port 587"
		if a.door == 587 {
			next = "port 465"
		}
		w.want = want{right: []saying{says("can-receive-cannot-send", next), says("stuck-on-port-25", next)},
			also: []string{"can-receive-cannot-send", "stuck-on-port-25", "fell-back-to-clear", "spoke-to-wrong-server", "reconnected-too-fast", "gave-up-after-temporary-failure", "used-unlisted-extension"}}
		all = append(all, w)
		if scenario != "captive-portal" { // with which nothing can be fetched either
			look := doorAt(993).sane()
			w.first = &look
			all = append(all, w)
		}
	}
	return all
}

func web() (all []wrongly) {
	for _, d := range doors {
		for _, mode := range []string{"clear", "tls"} {
			a := d.sane()
			a.protocol, a.mode = "http", mode
			port := strconv.Itoa(d.number)
			w := want{right: []saying{says("http-on-mail-port", "Port "+port+" speaks "+title(d.protocol))}, vague: []string{"clear-text-on-tls-port"}, also: []string{"sent-commands-behind-hello"}}
			if mode == "tls" && d.begins != "tls" {
				w.right = []saying{says("tls-on-clear-port", "starts unencrypted")}
				w.also = append(w.also, "http-on-mail-port")
			}
			all = append(all, wrongly{kind: "HTTP on a mail port", account: a, want: w})
		}
	}
	return all
}

// two are mistakes of which the second can't be seen before the first is mended, or hides it.
func two() (all []wrongly) {
	const kind = "two mistakes at once"
	add := func(list []wrongly) { all = append(all, list...) }
	add(each(kind, withTLS, func(_ door, w *wrongly) { // the CA, and an address that isn't in the certificate
		w.account.trust, w.account.host, w.server.address = "none", elsewhere, everywhere
		w.want = want{right: []saying{says("certificate-not-trusted", "trust the rig's CA", elsewhere)}}
	}))
	add(each(kind, withTLS, func(_ door, w *wrongly) { // the CA, and the password
		w.account.trust, w.account.password, w.server.users = "none", "wrong", onlyAlice
		w.want = trustTheCA
	}))
	add(each(kind, []int{143, 110, 587}, func(d door, w *wrongly) { // no encryption, and the password
		w.account.mode, w.account.password, w.server.users = "clear", "wrong", onlyAlice
		w.want = wantEncryption(d, "clear")
		w.want.right = append(w.want.right, says("login-refused", "password"))
		w.want.also = append(slices.Clone(w.want.also), "repeated-refused-password")
	}))
	add(each(kind, []int{143, 110, 587}, func(d door, w *wrongly) { // SSL/TLS on a port without, and the password
		w.account.mode, w.account.password, w.server.users = "tls", "wrong", onlyAlice
		w.want = wantEncryption(d, "tls")
	}))
	add(each(kind, []int{143, 993, 110, 995}, func(_ door, w *wrongly) { // a method that isn't there, and the password
		w.account.login, w.account.password, w.server.users = "CRAM-MD5", "wrong", onlyAlice
		w.want = wantMethod("PLAIN")
		w.want.also = append(slices.Clone(w.want.also), "repeated-refused-password")
	}))
	add(each(kind, withTLS, func(_ door, w *wrongly) { // any certificate is accepted, and the password is wrong
		w.account.trust, w.account.password, w.server = "any", "wrong", rig{scenario: "cert-self-signed", users: onlyAlice}
		w.want = want{right: []saying{says("continued-after-bad-certificate", "self-signed")}, also: []string{"login-refused", "repeated-refused-password"}}
	}))
	for _, x := range []struct { // another protocol's port, and its encryption is the other one
		protocol string
		door     int
		mode     string
	}{{"smtp", 143, "tls"}, {"smtp", 993, "starttls"}, {"imap", 587, "tls"}, {"imap", 465, "clear"}, {"pop3", 143, "tls"}, {"pop3", 993, "clear"}, {"imap", 110, "tls"}, {"imap", 995, "starttls"}} {
		d := doorAt(x.door)
		a := d.sane()
		a.protocol, a.mode = x.protocol, x.mode
		all = append(all, wrongly{kind: kind, account: a, want: wantProtocol(d, x.mode)})
	}
	for _, x := range []struct { // another protocol's port, and the CA isn't trusted
		protocol string
		door     int
	}{{"smtp", 993}, {"imap", 465}, {"pop3", 993}, {"imap", 995}} {
		d := doorAt(x.door)
		a := d.sane()
		a.protocol, a.trust = x.protocol, "none"
		w := wantProtocol(d, "tls")
		w.right = append(w.right, trustTheCA.right...)
		all = append(all, wrongly{kind: kind, account: a, want: w})
	}
	if slices.ContainsFunc(all, func(w wrongly) bool { return len(w.want.right) == 0 }) {
		panic(fmt.Sprintf("a case of %q without a rule", kind))
	}
	return all
}
