package protocol_test

import (
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

// TestShow has a line of each kind at a door. A line that is shown as it is has no third column.
func TestShow(t *testing.T) {
	t.Parallel()
	m := protocol.NewMasker(all.Protocols())
	for _, tc := range []struct{ door, in, want string }{
		// Logins, in the words of any protocol.
		{"smtp", "AUTH PLAIN AGFsaWNlAHNlY3JldA==", "AUTH PLAIN ***"},
		{"smtp", "auth  login  YWxpY2U=", "auth  login  ***"},
		{"smtp", "AUTH LOGIN", ""},
		{"smtp", "AUTH\tPLAIN\tAGFs", "AUTH\tPLAIN\t***"},
		{"smtp", "AUTH: PLAIN AGFs", "AUTH: PLAIN ***"},
		{"smtp", "AUTH=PLAIN AGFs", "AUTH=PLAIN ***"},
		{"smtp", " AUTH PLAIN AGFs", " AUTH PLAIN ***"},
		{"smtp", "AUTH AGFsaWNlAHNlY3JldA==", "AUTH ***"},
		{"smtp", "AUTH secret", "AUTH ***"},
		{"smtp", "AUTH SCRAM-SHA-256-PLUS AGFs", "AUTH SCRAM-SHA-256-PLUS ***"},
		{"smtp", "AUTH ABCDEFGHIJKLMNOPQRST", "AUTH ***"},
		{"pop3", "PASS my secret with spaces", "PASS ***"},
		{"pop3", "PASS x{5}", "PASS ***"},
		{"pop3", " PASS p", " PASS ***"},
		{"pop3", "PASS", ""},
		{"pop3", `\x00PASS p`, "***"},
		{"pop3", "APOP alice c4c9334bac560ecc979e58001b3e22fb", "APOP alice ***"},
		{"imap", "a1 LOGIN alice secret", "a1 LOGIN alice ***"},
		{"imap", "a1  LOGIN alice secret", "a1  LOGIN alice ***"},
		{"imap", " a1 LOGIN alice secret", " a1 LOGIN alice ***"},
		{"imap", "LOGIN alice secret", "LOGIN alice ***"},
		{"imap", "5c0e-77aa LOGIN alice secret", "5c0e-77aa LOGIN alice ***"},
		{"imap", "my secret LOGIN alice secret", "*** LOGIN alice ***"},
		{"imap", "a UID LOGIN alice secret", "a UID LOGIN alice ***"},
		{"imap", "a AUTH PLAIN AGFs", "a AUTH PLAIN ***"},
		{"imap", "a LOGIN alice:secret", "a LOGIN ***"},
		{"imap", `a LOGIN "alice:secret" x`, "a LOGIN ***"},
		{"imap", `a LOGIN "alice secret`, "a LOGIN ***"},
		{"imap", `a1 login "al ice" "se \" cret"`, `a1 login "al ice" ***`},
		{"imap", `a NOOP\x0db LOGIN alice secret`, "*** LOGIN alice ***"},
		{"imap", "a1 AUTHENTICATE PLAIN AGFs", "a1 AUTHENTICATE PLAIN ***"},
		{"smtp", "a1 LOGIN alice secret", "a1 LOGIN alice ***"},
		{"pop3", "AUTH PLAIN AGFs", "AUTH PLAIN ***"},
		// The size of a literal is the length of a password.
		{"imap", "a1 LOGIN {5}", "a1 LOGIN {***}"},
		{"imap", "a1 LOGIN {5+}", "a1 LOGIN {***+}"},
		{"imap", "a1 LOGIN alice {6+}", "a1 LOGIN alice {***+}"},
		{"imap", "a1 LOGIN alice x{5}", "a1 LOGIN alice ***"},
		{"imap", `a1 AUTHENTICATE "PLAIN" {9+}`, `a1 AUTHENTICATE "PLAIN" {***+}`},
		// What a command's grammar allows.
		{"smtp", "MAIL FROM:<a@b> SIZE=100 BODY=8BITMIME SMTPUTF8 AUTH=<>", ""},
		{"imap", "MAIL FROM:<a@b> AUTH=<>", ""},
		{"smtp", "MAIL FROM:<a@b> SIZE=1 AUTH=secret", "MAIL FROM:<a@b> SIZE=1 AUTH=***"},
		{"smtp", "MAIL FROM:<a@b> AUTH=secret", "MAIL FROM:<a@b> AUTH=***"},
		{"imap", "MAIL FROM:<a@b> AUTH=secret", "MAIL FROM:<a@b> AUTH=***"},
		{"smtp", "MAIL FROM:<a@b> XOAUTH=secret more", "MAIL FROM:<a@b> XOAUTH=*** ***"},
		{"smtp", "MAIL FROM:<a@b> secret", "MAIL FROM:<a@b> ***"},
		{"smtp", "MAIL FROM:<alice:secret@b>", "MAIL FROM:<alice:***@b>"},
		{"smtp", "MAIL FROM:<@x,@y:alice@b>", ""},
		{"smtp", `MAIL FROM:<"a b:c"@b> RET=HDRS ENVID=1`, ""},
		{"smtp", "MAIL FROM: a@b", ""},
		{"smtp", "MAIL alice secret", "MAIL ***"},
		{"smtp", "MAIL FROM:Alice <a@b>", ""},
		{"smtp", "MAIL FROM:<Alice secret <a@b>>", "MAIL FROM:<Alice *** <a@b>>"},
		{"smtp", "MAIL FROM:<pass@example.test>", ""},
		{"smtp", "RCPT TO:<b@c>>", ""},
		{"smtp", "RCPT TO:<b@c>> secret", "RCPT TO:<b@c>> ***"},
		{"smtp", "RCPT TO:<b@c>>secret", "RCPT TO:<b@c>***"},
		{"smtp", "RCPT TO:<b@c>>>", "RCPT TO:<b@c>***"},
		{"smtp", "RCPT TO:<b@c> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@c", ""},
		{"smtp", "EHLO login.example", ""},
		{"smtp", "EHLO [IPv6:::1]", ""},
		{"smtp", "EHLO alice:secret", "EHLO alice:***"},
		{"smtp", "EHLO client secret words", "EHLO client ***"},
		{"smtp", "NOOP secret", "NOOP ***"},
		{"smtp", "BDAT 12 LAST", ""},
		{"smtp", "VRFY alice secret", "VRFY alice ***"},
		{"pop3", "USER alice", ""},
		{"pop3", "USER alice secret", "USER alice ***"},
		{"pop3", "USER alice:secret", "USER alice:***"},
		{"pop3", "TOP 1 0", ""},
		{"pop3", "RETR secret", "RETR ***"},
		{"imap", `a1 ID ("name" "x" "password" "secret" "os" NIL)`, `a1 ID ("name" "x" "password" *** "os" NIL)`},
		{"imap", `a1 ID ("token" secret)`, `a1 ID ("token" ***)`},
		{"imap", "a1 NOOP secret", "a1 NOOP ***"},
		{"imap", `a1 SEARCH SUBJECT "password reset"`, ""},
		{"imap", "a1 SELECT LOGIN", ""},
		{"imap", "a1 UID FETCH 1:* (FLAGS)", ""},
		// Another protocol's commands.
		{"smtp", "a1 CAPABILITY", ""},
		{"smtp", "CAPA", ""},
		{"imap", "EHLO there", ""},
		{"smtp", "USER alice secret", "USER alice ***"},
		// Words that belong together without their space.
		{"smtp", "MAILFROM:<alice@b>", "MAILFROM:***"},
		{"smtp", "rcptto: secret words", "rcptto:***"},
		{"smtp", "MAILFROM:", ""},
		{"smtp", "MAILFROM:<a@b> AUTH=secret", "*** AUTH=***"},
		{"smtp", "MAILFROM:<PASS secret>", "*** PASS ***"},
		{"smtp", "MAILFROMsecret", "***"},
		{"pop3", "MAILFROM:secret", "MAILFROM:***"},
		{"imap", "MAILFROM:secret", "***"},
		// What nobody knows.
		{"smtp", "secret", "***"},
		{"imap", "secret", "***"},
		{"imap", "a1", "***"},
		{"imap", "a1 secret", "a1 ***"},
		{"imap", "secret secret", "***"},
		{"smtp", "AGFsaWNlAHNlY3JldA==", "***"},
		{"imap", "a1 LOGON alice secret", "a1 LOGON ***"},
		{"smtp", "LOGON alice secret", "LOGON ***"},
		{"smtp", "XYZZY secret", "XYZZY ***"},
		{"smtp", "logon alice secret", "***"},
		{"pop3", "PAS secret", "PAS ***"},
		{"pop3", "PASSsecret", "***"},
		{"pop3", "PASSWORD secret", "***"},
		{"pop3", `PASS\x00secret`, "***"},
		{"smtp", "XCLIENT ADDR=1.2.3.4 LOGIN=alice", "XCLIENT ***"},
		{"imap", "a1 URLFETCH imap://alice:secret@host/", "a1 URLFETCH ***"},
		{"smtp", "Authorization: Basic YWxpY2U6c2VjcmV0", "***"},
		{"smtp", "Cookie: session=secret", "***"},
		{"smtp", "GET /?password=secret HTTP/1.1", "GET *** HTTP/1.1"},
		{"smtp", "get /secret", "***"},
		{"smtp", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2", "PROXY ***"},
		{"smtp", "user=alice&password=secret", "***"},
		{"smtp", "", ""},
		{"smtp", `\x00`, ""},
	} {
		p := protocol.Find(all.Protocols(), tc.door)
		how := protocol.ShowMasked
		if word, known := p.Words.Find(p.Replies.Command(tc.in).Verb); known && word.Secret == event.NoSecret && !strings.Contains(tc.in, "LOGIN") {
			how = protocol.ShowAll // as the framings do
		}
		got := m.Show(p, tc.in, how)
		want := tc.want
		if want == "" {
			want = tc.in
		}
		if got.Text != want {
			t.Errorf("%s: %q:\n got %q\nwant %q", tc.door, tc.in, got.Text, want)
		}
		if masked := tc.in != want; got.Masked != masked {
			t.Errorf("%s: %q: masked %v, want %v", tc.door, tc.in, got.Masked, masked)
		}
		if got.Secret && !got.Masked {
			t.Errorf("%s: %q: a secret, and all is shown", tc.door, tc.in)
		}
		if strings.Contains(got.Verb+got.Args, event.Mask) && !strings.Contains(got.Text, event.Mask) || strings.Contains(got.Verb, event.Mask) {
			t.Errorf("%s: %q: %+v", tc.door, tc.in, got)
		}
	}
	if s := m.Show(protocol.Find(all.Protocols(), "imap"), "a1 NOOP", protocol.ShowNothing); s.Text != event.Mask || s.Tag != event.Mask || !s.Secret {
		t.Errorf("%+v", s)
	}
}
