package check_test

import (
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/check"
	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/mailtest"
)

// options returns the options for a check of this rig by somebody who knows its CA.
func options(t *testing.T, rig *mailtest.Rig) check.Options {
	t.Helper()
	data, err := os.ReadFile(rig.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	o := check.Options{Host: "localhost", Doors: check.Targets(0), Roots: []*x509.Certificate{ca}, Timeout: 3 * time.Second,
		User: rig.User, Password: rig.Password, SendTimeout: time.Minute}
	for i := range o.Doors {
		_, port, err := net.SplitHostPort(rig.Addr(o.Doors[i].Port))
		if err != nil {
			t.Fatal(err)
		}
		o.Doors[i].At, _ = strconv.Atoi(port)
	}
	return o
}

// settings formats the settings without what is the same for all: "993 SSL/TLS".
func settings(r *check.Report) string {
	var out []string
	for _, s := range r.Settings {
		alternative := ""
		if s.Alternative {
			alternative = "or "
		}
		out = append(out, alternative+strconv.Itoa(s.Door)+" "+s.Encryption)
	}
	return strings.Join(out, ", ")
}

const allSettings = "993 SSL/TLS, or 143 STARTTLS, 995 SSL/TLS, or 110 STARTTLS, 587 STARTTLS, or 465 SSL/TLS, or 2525 STARTTLS"
const tlsSettings = "993 SSL/TLS, 995 SSL/TLS, 465 SSL/TLS"

type want struct {
	good     bool
	settings string
	problems []string // "id ports: part of what | part of try"
	login    bool
	send     bool
	edit     func(*check.Options)
	linux    bool // needs something that only Linux has
}

func TestScenarios(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]want{
		"": {good: true, settings: allSettings, login: true, send: true,
			problems: []string{`password-in-clear 25,2525,110,143: without encryption | not to "STARTTLS if available"`}},
		"port-25-blocked": {good: true, settings: allSettings, linux: true,
			problems: []string{"port-timeout 25: no connection within 3 s | use port {587} with STARTTLS; port 25 is for mail between servers"}},
		"port-587-blocked": {good: true, linux: true, settings: "993 SSL/TLS, or 143 STARTTLS, 995 SSL/TLS, or 110 STARTTLS, 465 SSL/TLS, or 2525 STARTTLS",
			problems: []string{"port-timeout 587: no connection | use port {465} with SSL/TLS"}},
		"only-tls-ports": {good: true, settings: tlsSettings, linux: true, problems: []string{"port-refused 143: refused | use port {993} with SSL/TLS"}},
		"cert-expired": {settings: "993 SSL/TLS, 995 SSL/TLS, 587 STARTTLS", login: true, send: true, problems: []string{
			"cert-expired 25,2525,587,465,110,995,143,993: the certificate expired on | renew it",
			"login-not-tried 587,995,993: --allow-untrusted-login | above",
			"round-trip : no login for sending | login"}},
		"cert-not-yet-valid":        {problems: []string{"cert-not-yet-valid 25,2525,587,465,110,995,143,993: is valid from | clock"}},
		"cert-wrong-host":           {problems: []string{"cert-wrong-host 25,2525,587,465,110,995,143,993: isn't for localhost, but for wrong-host.invalid | type a name"}},
		"cert-self-signed":          {problems: []string{"cert-self-signed 25,2525,587,465,110,995,143,993: vouches for itself | --ca FILE"}},
		"cert-untrusted-root":       {problems: []string{"cert-unknown-authority 25,2525,587,465,110,995,143,993: mailrig unknown CA | --ca FILE"}},
		"cert-incomplete-chain":     {problems: []string{"cert-incomplete-chain 25,2525,587,465,110,995,143,993: probably fails to send | full chain"}},
		"cert-expired-intermediate": {problems: []string{"cert-expired-intermediate 25,2525,587,465,110,995,143,993: isn't in its time | intermediate"}},
		"cert-wrong-usage":          {problems: []string{"cert-wrong-usage 25,2525,587,465,110,995,143,993: may not be used by a server | serverAuth"}},
		"cert-no-san":               {problems: []string{"cert-no-names 25,2525,587,465,110,995,143,993: only the common name localhost | alternative names"}},
		"cert-rsa-1024":             {problems: []string{"cert-weak-key 25,2525,587,465,110,995,143,993: RSA with 1024 bits | 2048"}},
		"cert-sha-1":                {problems: []string{"cert-weak-signature 25,2525,587,465,110,995,143,993: ECDSA-SHA1 | SHA-256"}},
		"cert-reversed-chain":       {good: true, settings: allSettings},
		"cert-root-included":        {good: true, settings: allSettings},
		"cert-thousand-names":       {good: true, settings: allSettings},
		"tls-1-0-only":              {problems: []string{"tls-outdated 25,2525,587,465,110,995,143,993: only TLS 1.0 | TLS 1.2"}},
		"tls-1-1-only":              {problems: []string{"tls-outdated 25,2525,587,465,110,995,143,993: only TLS 1.1 | TLS 1.2"}},
		"tls-1-2-only":              {good: true, settings: allSettings, login: true},
		"tls-client-certificate":    {problems: []string{"tls-failed 25,2525,587,465,110,995,143,993: wants a certificate from the client | TLS settings"}},
		"tls-server-name-required": {edit: func(o *check.Options) { o.Host = "127.0.0.1" },
			problems: []string{"tls-failed 465,995,993: no certificate for the name 127.0.0.1 | TLS settings"}},
		"starttls-not-offered": {good: true, settings: tlsSettings, login: true, problems: []string{
			"starttls-missing 25,2525,587: no STARTTLS | use port {465} with SSL/TLS",
			"starttls-missing 143: no STARTTLS | use port {993} with SSL/TLS"}},
		"starttls-stripped":       {good: true, settings: tlsSettings, problems: []string{"starttls-hidden 25,2525,587: isn't offered, but works | use port {465}"}},
		"starttls-masked":         {good: true, problems: []string{"masked 25,2525,587: a firewall writes over | use port {465} with SSL/TLS"}},
		"starttls-refused":        {good: true, settings: tlsSettings, problems: []string{"starttls-refused 110: offered and then refused | use port {995}"}},
		"starttls-injected-reply": {settings: tlsSettings, login: true, problems: []string{"starttls-injected 25,2525,587: 250 AUTH LOGIN INJECTED | use port {465}"}},
		"starttls-then-garbage":   {good: true, settings: tlsSettings, problems: []string{"starttls-failed 143: in place of TLS came | use port {993}"}},
		"starttls-preauth":        {good: true, problems: []string{"preauth 143: PREAUTH | use port {993} with SSL/TLS"}},
		"port-25-intercepted": {good: true, settings: allSettings,
			problems: []string{"starttls-missing 25: something on the way may be answering | use port {587}"}},
		"plain-on-tls-port":     {good: true, problems: []string{"no-tls 993: IMAP answers here without TLS | use port {143} with STARTTLS"}},
		"tls-on-plain-port":     {good: true, settings: tlsSettings, problems: []string{"tls-from-first-byte 143: waits for TLS | use port {993} with SSL/TLS"}},
		"pop3-port-speaks-imap": {good: true, login: true, problems: []string{"wrong-protocol 110,995: IMAP answers here | use IMAP, port {993} with SSL/TLS", "no-pop3 : can't be used | use IMAP, port {993} with SSL/TLS"}},
		"silent-server":         {problems: []string{"port-silent 25,2525,587,110,143: said nothing | hangs", "no-receiving : can't be received | below", "no-sending : can't be sent | below"}},
		"captive-portal":        {problems: []string{"http-answers 25,2525,587,465,110,995,143,993: a web server | browser"}},
		"closed-at-once":        {problems: []string{"port-closed 25,2525,587,110,143: before it said anything | try again"}},
		"server-down":           {linux: true, problems: []string{"server-down : no mail server seems to run on it | check the server's name"}},
		"greeting-refused":      {problems: []string{"greeting-refused 143,993: No service for you | in the server's words"}},
		"auth-wrong-password": {settings: allSettings, login: true, problems: []string{
			"login-wrong-password 993: is wrong | whole address", "login-not-tried 587,995: port 993 refused the same password | above"}},
		"auth-app-password-needed": {login: true, problems: []string{
			"login-app-password-needed 993: app password | make an app password", "login-app-password-needed 587: InvalidSecondFactor | make an app password"}},
		"auth-receive-only":      {login: true, problems: []string{"login-wrong-password 587: is wrong | works for receiving"}},
		"auth-basic-disabled":    {login: true, problems: []string{"login-wrong-password 993: without a reason | whole address"}},
		"auth-imap-switched-off": {good: true, login: true, send: true, problems: []string{"login-disabled 993: switched off | switch IMAP on"}},
		"pop3-disabled":          {good: true, login: true, problems: []string{"login-disabled 995: switched off | switch POP3 on in the account's settings"}},
		"auth-not-connected":     {good: true, login: true, problems: []string{"login-useless 993: didn't open the mailbox | IMAP is switched on"}},
		"auth-account-disabled":  {login: true, problems: []string{"login-locked 993: disabled | administrator"}},
		"auth-only-xoauth2":      {login: true, problems: []string{"login-oauth-needed 587,995,993: only OAuth2 | OAuth2"}},
		"auth-basic-retired": {login: true, send: true, settings: allSettings,
			problems: []string{"round-trip : MAIL was answered 550 5.7.30 | choose OAuth2"}},
		"gmail": {good: true, linux: true, login: true, send: true, settings: "993 SSL/TLS, 995 SSL/TLS, 587 STARTTLS, or 465 SSL/TLS",
			problems: []string{"port-refused 143: refused | use port {993}"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if w.linux && runtime.GOOS != "linux" {
				t.Skip("this scenario needs Linux")
			}
			var active []mailtest.Option
			if name != "" {
				active = append(active, mailtest.Scenario(name))
			}
			rig := mailtest.Start(t, active...)
			o := options(t, rig)
			o.Send = w.send
			if !w.login && !w.send {
				o.User = ""
			}
			if w.edit != nil {
				w.edit(&o)
			}
			r := check.Run(t.Context(), o)
			verify(t, r, rig, w)
		})
	}
}

func verify(t *testing.T, r *check.Report, rig *mailtest.Rig, w want) {
	t.Helper()
	if r.Good != w.good {
		t.Errorf("good is %v", r.Good)
	}
	if got := settings(r); w.settings != "" && got != w.settings {
		t.Errorf("settings\n%s, want\n%s", got, w.settings)
	}
	for _, p := range w.problems {
		head, words, _ := strings.Cut(p, ": ")
		id, ports, _ := strings.Cut(head, " ")
		what, try, _ := strings.Cut(words, " | ")
		for {
			before, rest, ok := strings.Cut(try, "{")
			if !ok {
				break
			}
			number, after, _ := strings.Cut(rest, "}")
			n, _ := strconv.Atoi(number)
			_, port, _ := net.SplitHostPort(rig.Addr(n))
			try = before + port + after
		}
		if !slices.ContainsFunc(r.Problems, func(p check.Problem) bool {
			var list []string
			for _, n := range p.Ports {
				list = append(list, strconv.Itoa(n))
			}
			return p.ID == id && strings.Join(list, ",") == ports && strings.Contains(p.What, what) && strings.Contains(p.Try, try)
		}) {
			t.Errorf("missing: %s %s: …%s… | …%s…", id, ports, what, try)
		}
	}
	if w.send && w.good && (r.RoundTrip == nil || !r.RoundTrip.OK || r.RoundTrip.Seconds <= 0) {
		t.Errorf("round trip %+v", r.RoundTrip)
	}
	if t.Failed() {
		for _, p := range r.Problems {
			t.Logf("%+v", p)
		}
		for _, d := range r.Doors {
			t.Logf("%d: %s, STARTTLS %s, %s, login %+v", d.Port, d.State, d.STARTTLS, d.Detail, d.Login)
		}
	}
}

// TestLoginsAreCounted checks that there are three logins in all, eight with AllLogins, and never two at one door.
func TestLoginsAreCounted(t *testing.T) {
	t.Parallel()
	for _, all := range []bool{false, true} {
		rig := mailtest.Start(t, mailtest.User("alice@example.test", "right"))
		o := options(t, rig)
		o.AllLogins, o.Password = all, "right"
		r := check.Run(t.Context(), o)
		want := map[bool]int{false: 3, true: 8}[all]
		if n := logins(r); n != want || !r.Good {
			t.Errorf("all %v: %d logins, want %d; good %v", all, n, want, r.Good)
		}
		o.Password = "wrong"
		r = check.Run(t.Context(), o)
		want = map[bool]int{false: 1, true: 8}[all]
		if n := logins(r); n != want || r.Good {
			t.Errorf("all %v, wrong password: %d logins, want %d; good %v", all, n, want, r.Good)
		}
	}
}

func logins(r *check.Report) (n int) {
	for _, d := range r.Doors {
		if d.Login != nil && d.Login.State != check.LoginNotTried {
			n++
		}
	}
	return n
}

func TestWishes(t *testing.T) {
	t.Parallel()
	rig := mailtest.Start(t)
	for _, c := range []struct {
		smtp, imap, pop3 check.Wish
		plain, good      bool
		settings         string
	}{
		{check.TLS, check.Off, check.Off, false, true, "465 SSL/TLS"},
		{check.STARTTLS, check.TLS, check.Off, false, true, "993 SSL/TLS, 587 STARTTLS, or 2525 STARTTLS"},
		{check.Off, check.Plain, check.Off, false, false, "143 None"}, // the login isn't tried
		{check.Off, check.Plain, check.Off, true, true, "143 None"},
		{check.Off, check.Off, check.STARTTLS, false, true, "110 STARTTLS"},
	} {
		o := options(t, rig)
		o.Wishes = map[door.Protocol]check.Wish{door.SMTP: c.smtp, door.IMAP: c.imap, door.POP3: c.pop3}
		o.AllowPlainLogin = c.plain
		r := check.Run(t.Context(), o)
		if got := settings(r); got != c.settings || r.Good != c.good {
			t.Errorf("%+v: %q, good %v: %+v", c, got, r.Good, r.Problems)
		}
	}
}

// TestPOP3RoundTrip checks that the message is found if there is no IMAP.
func TestPOP3RoundTrip(t *testing.T) {
	t.Parallel()
	rig := mailtest.Start(t)
	o := options(t, rig)
	o.Send, o.Wishes = true, map[door.Protocol]check.Wish{door.IMAP: check.Off}
	r := check.Run(t.Context(), o)
	if t3 := r.RoundTrip; t3 == nil || !t3.OK || t3.FoundBy != 995 || t3.SentBy != 587 {
		t.Errorf("%+v %+v", t3, r.Problems)
	}
	messages := rig.Messages(rig.User)
	if len(messages) != 1 || !strings.Contains(string(messages[0].Raw), "Message-ID: <"+r.RoundTrip.MessageID+">") {
		t.Errorf("%d messages", len(messages))
	}
}
