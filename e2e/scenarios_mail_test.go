package e2e

import (
	"errors"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
)

// pythonLogins tries to log in with Python's clients at every door that accepts a login, and passes what they said to
// check.
func (r *rig) pythonLogins(check func(w way, protocol string, a answer)) {
	r.t.Helper()
	for _, w := range []way{{25, "starttls"}, {587, "starttls"}, {465, "tls"}} {
		check(w, "smtp", r.python("smtp.py", nil, r.port(w.door), w.mode, r.CAFile, "alice", "secret", "a@example.test", "b@example.test").want(1).answer())
	}
	for _, w := range imapWays {
		check(w, "imap", r.python("imap.py", nil, r.port(w.door), w.mode, r.CAFile, "alice", "secret", "tour").want(1).answer())
	}
	for _, w := range popWays {
		check(w, "pop3", r.python("pop3.py", nil, r.port(w.door), w.mode, r.CAFile, "alice", "secret", "tour").want(1).answer())
	}
}

func authWrongPassword(t *testing.T, r *rig) {
	need(t, "curl", "swaks", "msmtp")
	r.pythonLogins(func(w way, protocol string, a answer) {
		ok := map[string]bool{
			"smtp": a.Error == "SMTPAuthenticationError" && a.Code == 535,
			"imap": strings.Contains(a.Text, "AUTHENTICATIONFAILED"),
			"pop3": strings.Contains(a.Text, "-ERR [AUTH]"),
		}[protocol]
		if !ok {
			t.Errorf("%v: %+v", w, a)
		}
	})
	for _, w := range append(append([]way{{465, "tls"}, {587, "starttls"}}, imapWays...), popWays...) {
		r.curl(append(r.curlURL(w, "/"), "--user", "alice:secret")...).want(67)
	}
	r.swaks(way{587, "starttls"}, "b@example.test").want(28).says("535 5.7.8")
	r.msmtp(way{465, "tls"}, "plain", "b@example.test", []byte("Subject: x\n\nx\n")).want(77)
	r.sends(way{25, "clear"}) // no login, no refusal
}

func authTemporaryFailure(t *testing.T, r *rig) {
	r.pythonLogins(func(w way, protocol string, a answer) {
		ok := map[string]bool{
			"smtp": a.Error == "SMTPAuthenticationError" && a.Code == 454,
			"imap": strings.Contains(a.Text, "UNAVAILABLE"),
			"pop3": strings.Contains(a.Text, "-ERR [SYS/TEMP]"),
		}[protocol]
		if !ok {
			t.Errorf("%v: %+v", w, a)
		}
	})
	r.swaks(way{465, "tls"}, "b@example.test").want(28).says("454 4.7.0")
}

func greylisting(t *testing.T, r *rig) {
	need(t, "swaks", "python3")
	for i, w := range sendWays {
		to := "grey-" + w.String() + "@example.test"
		r.swaks(w, to).want(24).says("451 4.7.1 Greylisted")
		if n := len(r.messages(to)); n != 0 {
			t.Errorf("%v: %d messages after a deferred attempt", w, n)
		}
		r.swaks(w, to).want(0)
		if n := len(r.messages(to)); n != 1 {
			t.Errorf("%v: %d messages after the second attempt", w, n)
		}
		if i == 0 { // another envelope is new, the same one isn't
			again := []string{r.port(w.door), w.mode, r.CAFile, "", "", "else@example.test", to}
			a := r.python("smtp.py", []byte("x\r\n"), again...).want(1).answer()
			if a.Error != "SMTPRecipientsRefused" || a.Code != 451 {
				t.Errorf("another sender: %+v, want 451", a)
			}
			r.python("smtp.py", []byte("x\r\n"), again...).want(0)
			r.swaks(w, to).want(0)
		}
	}
}

func mailboxFull(t *testing.T, r *rig) {
	need(t, "curl", "python3", "swaks")
	for _, w := range sendWays {
		r.swaks(w, "full@example.test").want(24).says("452 4.2.2")
		a := r.python("smtp.py", []byte("x\r\n"), r.port(w.door), w.mode, r.CAFile, r.loginFor(w), "secret", "a@example.test", "full@example.test").want(1).answer()
		if a.Error != "SMTPRecipientsRefused" || a.Code != 452 {
			t.Errorf("%v: %+v, want 452", w, a)
		}
	}
	draft := r.message(0)
	for _, w := range imapWays {
		r.curlIMAP(w, "full@example.test", "/Drafts", "--upload-file", draft).want(25)
		a := r.python("imap.py", nil, r.port(w.door), w.mode, r.CAFile, "full@example.test", "secret", "append", draft).want(1).answer()
		if !strings.Contains(a.Text, "OVERQUOTA") {
			t.Errorf("%v: APPEND: %+v", w, a)
		}
	}
	for _, folder := range []string{"INBOX", "Drafts"} {
		if n := len(r.messages("full@example.test", folder)); n != 0 {
			t.Errorf("%d messages in the %s of a full mailbox", n, folder)
		}
	}
}

func connectionDroppedInData(t *testing.T, r *rig) {
	need(t, "curl", "python3")
	big := r.message(300_000)
	body := simple("bob@example.test", "cut@example.test", strings.Repeat("z", 300_000))
	for _, w := range sendWays {
		res := r.curlSend(w, "bob@example.test", "cut@example.test", big)
		if res.code != 55 && res.code != 56 { // send or receive error, whichever curl noticed first
			t.Errorf("%v: curl ended with %d, want 55 or 56: %s", w, res.code, res.err)
		}
		a := r.python("smtp.py", body, r.port(w.door), w.mode, r.CAFile, r.loginFor(w), "secret", "bob@example.test", "cut@example.test").want(1).answer()
		switch a.Error {
		case "ConnectionResetError", "BrokenPipeError", "SMTPServerDisconnected", "SSLEOFError":
		default:
			t.Errorf("%v: smtplib: %+v", w, a)
		}
	}
	// On the wire: a reset rather than an orderly end, and not before DATA is under way.
	k := r.dial(t, 25)
	k.expect("220 ")
	k.say("EHLO c.example.test", "250 ")
	k.say("MAIL FROM:<bob@example.test>", "250 ")
	k.say("RCPT TO:<cut@example.test>", "250 ")
	k.say("DATA", "354")
	_, err := k.Write(body[:1000])
	if err == nil {
		_, err = k.r.ReadByte()
	}
	if !isReset(err) {
		t.Errorf("the connection ended with %v, want a reset", err)
	}
	if n := len(r.messages("cut@example.test")); n != 0 {
		t.Errorf("%d messages were stored though the connection broke", n)
	}
}

func pop3Locked(t *testing.T, r *rig) {
	need(t, "curl", "python3")
	r.popRefused(t, "-ERR [IN-USE]", 9) // fetchmail's status for a busy maildrop
	r.receives(imapWays...)
	r.sends(way{587, "starttls"})
}

func pop3Disabled(t *testing.T, r *rig) {
	need(t, "curl", "python3")
	r.popRefused(t, "-ERR [SYS/PERM]", 3) // fetchmail's status for a failed login
	r.receives(imapWays...)
	r.sends(way{587, "starttls"})
}

func (r *rig) popRefused(t *testing.T, reply string, fetchmail int) {
	t.Helper()
	for _, w := range popWays {
		a := r.python("pop3.py", nil, r.port(w.door), w.mode, r.CAFile, "alice", "secret", "tour").want(1).answer()
		if a.Error != "error_proto" || !strings.Contains(a.Text, reply) {
			t.Errorf("%v: poplib: %+v, want %s", w, a, reply)
		}
		r.curlIMAP(w, "alice", "/").want(67)
		home := t.TempDir()
		write(t, home, ".fetchmailrc", []byte(r.fetchmailrc(w, "alice", "bob@example.test")))
		r.runIn(invocation{program: "fetchmail", home: home, args: []string{"--nodetach", "--nosyslog"}}).want(fetchmail)
	}
}

func imapTooManyConnections(t *testing.T, r *rig) {
	a := r.imapClient(t, way{993, "tls"}, "busy@example.test", nil)
	r.imapClient(t, way{143, "starttls"}, "busy@example.test", nil)
	refused := func() error {
		c, err := r.tryIMAP(way{143, "clear"}, "busy@example.test", nil)
		if err == nil {
			_ = c.Logout().Wait()
			c.Close()
		}
		return err
	}
	var ie *imap.Error
	if err := refused(); !errors.As(err, &ie) || ie.Type != imap.StatusResponseTypeNo || !strings.Contains(ie.Text, "Too many simultaneous connections") {
		t.Fatalf("the third login: %v, want NO … Too many simultaneous connections", err)
	}
	p := r.python("imap.py", nil, r.port(993), "tls", r.CAFile, "busy@example.test", "secret", "tour").want(1).answer()
	if !strings.Contains(p.Text, "Too many simultaneous connections") {
		t.Errorf("imaplib: %+v", p)
	}
	// Others aren't affected, and a client that leaves makes room.
	other := r.imapClient(t, way{993, "tls"}, "other@example.test", nil)
	if err := other.Noop().Wait(); err != nil {
		t.Error(err)
	}
	if err := a.Logout().Wait(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "after a logout there is room again", func() bool { return refused() == nil })
}
