package refusal

import (
	"slices"
	"strings"
	"testing"
)

// TestReplies checks refusals in the words of providers and servers.
func TestReplies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		r    Reply
		want Meaning // the first reading that isn't a hint; "" for none
	}{
		{Reply{Protocol: "smtp", Code: "534", Enhanced: "5.7.9", Text: "534-5.7.9 Application-specific password required. Learn more at 534 5.7.9 https://support.google.com/mail/?p=InvalidSecondFactor"}, AppPassword},
		{Reply{Protocol: "smtp", Code: "534", Enhanced: "5.7.14", Text: "534-5.7.14 Please log in via your web browser"}, WebLogin},
		{Reply{Protocol: "imap", Status: "NO", Code: "ALERT", Text: "[ALERT] Please log in via your web browser"}, WebLogin},
		{Reply{Protocol: "smtp", Code: "535", Enhanced: "5.7.139", Text: "535 5.7.139 Authentication unsuccessful, basic authentication is disabled."}, OAuthWanted},
		{Reply{Protocol: "smtp", Code: "535", Enhanced: "5.7.139", Text: "535 5.7.139 SmtpClientAuthentication is disabled for the Tenant."}, SendingOff},
		{Reply{Protocol: "imap", Status: "NO", Text: "Your account is not enabled for IMAP use"}, ServiceOff},
		{Reply{Protocol: "smtp", Code: "503", Enhanced: "5.5.1", Text: "503 5.5.1 Error: authentication not enabled"}, NoLogins},
		{Reply{Protocol: "smtp", Code: "454", Enhanced: "4.7.0", Text: "454 4.7.0 Too many login attempts"}, TooManyAttempts},
		{Reply{Protocol: "smtp", Code: "454", Enhanced: "4.7.0", Text: "454 4.7.0 later"}, Temporary},
		{Reply{Protocol: "smtp", Code: "535", Enhanced: "5.7.8", Text: "535 5.7.8 bad"}, WrongCredentials},
		{Reply{Protocol: "smtp", Code: "535", Enhanced: "5.7.8", Text: "535 5.7.8 Error: authentication failed: Invalid authentication mechanism"}, NoSuchMechanism},
		{Reply{Protocol: "smtp", Code: "504", Enhanced: "5.7.4", Text: "504 5.7.4 Unrecognized authentication type"}, NoSuchMechanism},
		{Reply{Protocol: "pop3", Code: "AUTH", Text: "[AUTH] Unsupported authentication mechanism."}, NoSuchMechanism},
		{Reply{Protocol: "pop3", Code: "AUTH", Text: "[AUTH] Authentication failed."}, WrongCredentials},
		{Reply{Protocol: "pop3", Code: "IN-USE", Text: "[IN-USE] maildrop locked by another session"}, InUse},
		{Reply{Protocol: "imap", Status: "BAD", Text: "what"}, NotUnderstood},
		{Reply{Protocol: "imap", Code: "IN-USE", Text: "another protocol's code"}, ""},
		{Reply{Protocol: "imap", Status: "NO", Text: "account frozen and disabled"}, ""},
	} {
		got := Meaning("")
		if i := slices.IndexFunc(Read(c.r), func(x Reading) bool { return !x.Hint }); i >= 0 {
			got = Read(c.r)[i].Meaning
		}
		if got != c.want {
			t.Errorf("%q reads %q, want %q; all: %v", c.r.Text, got, c.want, Read(c.r))
		}
	}
}

// TestEverySign checks that every sign can match, and that no sign lists its meaning twice.
func TestEverySign(t *testing.T) {
	t.Parallel()
	for i, s := range signs {
		r := Reply{Protocol: s.protocol, Status: s.status, Code: strings.Replace(s.code, "x", "54", 1), Enhanced: strings.Replace(s.enhanced, "x", "1", 1), Text: strings.ToUpper(s.text)}
		if !slices.Contains(Read(r), Reading{s.means, s.hint}) {
			t.Errorf("%+v isn't read from %+v", s, r)
		}
		if slices.Contains(signs[:i], s) {
			t.Errorf("%+v stands twice", s)
		}
		if s == (sign{means: s.means, hint: s.hint}) && s.means != Refused || s.text != strings.ToLower(s.text) {
			t.Errorf("%+v is in every reply or in none", s)
		}
	}
}
