package diagnose

import (
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// TestDecisivePoints checks what makes the difference between a finding and none.
func TestDecisivePoints(t *testing.T) {
	t.Parallel()
	const clearMail = "session 25\nS: 220 ready\nC: EHLO x\nS: 250 ready\nC: MAIL FROM:<a@example.test>\nS: 250 ok\nC: RCPT TO:<b@example.test>\nS: 250 ok\n"
	imapIdle := func(list, login string) string {
		return "session 993\n-- tls: TLS 1.3, sni localhost\nS: * OK [CAPABILITY " + list + "] ready\nC: a1 LOGIN alice ***\nS: a1 OK " + login +
			"done\n-- login: alice LOGIN ok tag1\nC: a2 IDLE\nS: + idling\nC! DONE\nS: a2 OK done\nend client\n"
	}
	sized := func(listed string) string {
		return "session 465\n-- tls: TLS 1.3, sni localhost\nS: 220 ready\nC: EHLO x\nS: 250-ready\n" + listed + "S: 250 AUTH PLAIN\nC: AUTH PLAIN ***\nS: 235 ok\n-- login: alice PLAIN ok tag1\n" +
			"C: MAIL FROM:<a@example.test> SIZE=100\nS: 250 ok\nend client\n"
	}
	wrongServer := func(heard string) string {
		return "session 25\nS: [http] HTTP/1.1 302 Found\n" + heard + "\nend client\n"
	}
	for _, c := range []struct {
		name, id, dialogue string
		gives              bool
	}{
		{"a certificate that is odd and in order", "certificate-not-trusted", "session 993\n-- setting: [cert-reversed-chain] certificate reversed-chain\n-- tls failed: refused-by-client, sni localhost, alert 48, certificate reversed-chain\nend client\n", false},
		{"the correct one", "certificate-not-trusted", "session 993\n-- tls failed: refused-by-client, sni localhost, alert 48\nend client\n", true},
		{"a message behind 354", "mail-sent-in-clear", clearMail + "C: DATA\nS: 354 go\nC> Subject: x (300 bytes)\nS: 250 ok\nend client\n", true},
		{"a message behind a refusal", "mail-sent-in-clear", clearMail + "C: DATA\nS: 550 no\nC> Subject: x (300 bytes)\nend client\n", false},
		{"a chunk, which waits for nothing", "mail-sent-in-clear", clearMail + "C: BDAT 300 LAST\nC> Subject: x (300 bytes)\nS: 250 ok\nend client\n", true},
		{"PASS to a silent server", "password-sent-in-clear", "session 110\n-- silenced: [silent-server] accept\nC? PASS ***\nend client\n", true},
		{"APOP to a silent server", "password-sent-in-clear", "session 110\n-- silenced: [silent-server] accept\nC? APOP alice ***\nend client\n", false},
		{"nobody knows what, to a silent server", "password-sent-in-clear", "session 110\n-- silenced: [silent-server] accept\nC? ***\nend client\n", false},
		{"a digest", "password-sent-in-clear", "session 110\nS: +OK <1@x>\nC: APOP alice ***\nS: +OK\nend client\n", false},
		{"unlisted before and after the login", "used-unlisted-extension", imapIdle("IMAP4rev1", "[CAPABILITY IMAP4rev1] "), true},
		{"unlisted before the login", "used-unlisted-extension", imapIdle("IMAP4rev1", ""), false},
		{"SMTP's list is whole before the login", "used-unlisted-extension", sized(""), true},
		{"... and has it", "used-unlisted-extension", sized("S: 250-SIZE 1000\n"), false},
		{"a command to a wrong server", "spoke-to-wrong-server", wrongServer("C? EHLO x"), true},
		{"only a farewell to a wrong server", "spoke-to-wrong-server", wrongServer("C? QUIT"), false},
		{"nobody knows what, to a wrong server", "spoke-to-wrong-server", wrongServer("C? ***"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if found := readCase(t, c.dialogue).Findings(true); gives(found, c.id) != c.gives {
				t.Errorf("%s: want %v, got\n%s", c.id, c.gives, report(found))
			}
		})
	}
}

// TestReplyInPieces checks a reply that a scenario splits in two by editing a line. The verdict must be that of the
// whole.
func TestReplyInPieces(t *testing.T) {
	t.Parallel()
	f := readCase(t, "session 110\nS: +OK ready\nC: CAPA\nS: +OK list\nS: [pop3-no-tls] USER\nS: .\nend client\n").Sessions[0]
	if r := f.Steps[0].Reply; r.Class != event.OK || r.Injected != "pop3-no-tls" || len(r.Lines) != 3 || !f.Listed[false].Has("USER") {
		t.Errorf("%+v, listed %+v", r, f.Listed[false])
	}
}

// TestForeignWords checks that another protocol's words are known where that protocol isn't spoken.
func TestForeignWords(t *testing.T) {
	t.Parallel()
	f := readCase(t, "session 25\nS: 220 ready\nC: CAPA\nS: 500 what\nC: STLS\nS: 500 what\nC: RETR 1\nS: 500 what\nend client\n").Sessions[0]
	if s := f.Steps; s[0].works() || !s[0].asks() || s[1].works() || !s[1].isSTARTTLS() || !s[2].works() {
		t.Errorf("%+v", s)
	}
}

// TestReportDue checks that a client that looks for mail before the report can have arrived hasn't missed it.
func TestReportDue(t *testing.T) {
	t.Parallel()
	sent := "session 465 at 0s\n-- tls: TLS 1.3, sni localhost\nS: 220 ready\nC: MAIL FROM:<alice@example.test>\nS: 250 ok\n-- bouncing: [bounce-later] bob@example.test after 10s\nend client\n"
	for at, could := range map[string]bool{"5s": false, "15s": true} {
		looked := strings.Replace(imapOf("alice@example.test", "S: * OK ok", ""), "session 993", "session 993 at "+at, 1)
		if got := couldSeeDeliveryReport(readCase(t, sent+looked)); got != could {
			t.Errorf("after %s: %v", at, got)
		}
	}
}

// TestSingleDoor checks that the session's own door is named if the protocol has no door with the other kind of
// encryption.
func TestSingleDoor(t *testing.T) {
	t.Parallel()
	only := *semaphore
	only.Doors = semaphore.Doors[:1]
	table := &Table{Rows: Rows(), Protocols: []*protocol.Protocol{&only}}
	found := table.Of(semaphoreRecord("S: yes ready", "ENTER alice ***", "S: yes"), began.Add(time.Minute))
	if text := report(found); strings.Contains(text, "port 0") || !gives(found, "password-sent-in-clear") {
		t.Errorf("finds\n%s", text)
	}
}

// TestRecordStays checks that facts leave alone the lists of the record that they are taken from: others read it too.
func TestRecordStays(t *testing.T) {
	t.Parallel()
	r := &event.Record{Protocol: "smtp", Offered: []string{"auth plain"}}
	if f := Product().Extract(r); f.offered.Names[0] != "AUTH PLAIN" || r.Offered[0] != "auth plain" {
		t.Errorf("the facts have %q, and the record has %q", f.offered.Names, r.Offered)
	}
}
