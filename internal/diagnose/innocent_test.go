package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestInnocent checks what looks like a mistake and isn't one, mostly because several users or programs come from one
// address.
func TestInnocent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, id, dialogue string }{
		{"each user's mailbox has its own UIDVALIDITY", "used-stale-uids", imapOf("alice", "S: * OK [UIDVALIDITY 1] ok", "C: a3 UID FETCH 1:* (FLAGS)\nS: a3 OK done") +
			imapOf("bob", "S: * OK [UIDVALIDITY 7] ok", "C: a3 UID FETCH 1 (BODY[])\nS: a3 OK done")},
		{"APPENDUID tells the new UID", "used-stale-uids", imapOf("alice", "S: * OK [UIDVALIDITY 1] ok", "") +
			imapOf("alice", "S: [imap-uidvalidity-changes] * OK [UIDVALIDITY 7] ok", "C: a3 APPEND INBOX {5+}\nC> hello (5 bytes)\nS: a3 OK [APPENDUID 7 3] done\nC: a4 UID STORE 3 +FLAGS (\\Seen)\nS: a4 OK done")},
		{"fifteen are for one account", "too-many-connections", manyUsers(20)},
		{"each user fetches message 1", "fetched-again", pop3Of("alice", "[slow-line] ") + pop3Of("bob", "")},
		{"DONE is in what was left out", "idle-not-renewed", `session 993
-- tls: TLS 1.3, sni localhost
S: * OK [CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN] ready
C: a1 LOGIN alice ***
S: a1 OK done
-- login: alice LOGIN ok tag1
C: a2 IDLE
S: + idling
+2h
C: a4000 NOOP
S: a4000 OK done
C: a4001 LOGOUT
S: a4001 OK done
end client
`},
		{"each session must ask what the server can", "repeated-permanent-failure", strings.Repeat(`session 995
-- tls: TLS 1.3, sni localhost
S: +OK ready
C: CAPA
S: [pop3-no-capa] -ERR no such command
C: USER alice
S: +OK
C: PASS ***
S: +OK
-- login: alice PASS ok tag1
C: QUIT
S: +OK bye
end server
`, 4)},
		{"a name that scenarios use", "followed-referral", imapOf("attacker", "S: * OK [UIDVALIDITY 1] ok", "")},
		{"a mailbox that scenarios use", "trusted-data-from-before-tls", `session 143
S: * OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready
C: a1 STARTTLS
S: a1 OK go ahead
-- tls: TLS 1.3, sni localhost
C: a2 CAPABILITY
S: * CAPABILITY IMAP4rev1 AUTH=PLAIN
S: a2 OK done
C: a3 LOGIN attacker@example.test ***
S: a3 OK done
-- login: attacker@example.test LOGIN ok tag1
C: a4 LOGOUT
S: a4 OK done
end client
`},
		{"a handshake that is late, and fails", "silent-on-tls-port", `session 993
+3s
-- waiting: hello
+1s
-- tls failed: refused-by-client, alert 48, sni localhost
end client
`},
		{"another program never wanted TLS", "fell-back-to-clear", `session 465
-- tls: TLS 1.3, sni localhost
S: 220 ready
C: EHLO a.example.test
S: 250 ready
C: QUIT
S: 221 bye
end server
session 25
S: 220 ready
C: EHLO b.example.test
S: 250-ready
S: 250 STARTTLS
C: MAIL FROM:<bob@example.test>
S: 250 fine
C: QUIT
S: 221 bye
end server
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if found := readCase(t, c.dialogue).Findings(true); gives(found, c.id) {
				t.Errorf("gives\n%s", report(found))
			}
		})
	}
}

// TestTwoAlike checks messages without a Message-ID. If both were answered with 250, they may be two messages with the
// same text. If the first reply was lost, they are one message.
func TestTwoAlike(t *testing.T) {
	t.Parallel()
	once := func(id, end string) string {
		return `session 465
-- tls: TLS 1.3, sni localhost
S: 220 ready
C: EHLO a.example.test
S: 250 ready
C: MAIL FROM:<alice@example.test>
S: 250 fine
C: RCPT TO:<bob@example.test>
S: 250 fine
C: DATA
S: 354 go on
C> hello (300 bytes)
-- stored: ` + id + ` from alice@example.test for bob@example.test
` + end + "\n"
	}
	const answered, lost = "S: 250 fine\nend client", "-- cut: [smtp-reply-lost] dialogue close\nend scenario"
	for _, c := range []struct {
		name, id, end string
		guess         bool
	}{{"alike", "<>", answered, true}, {"the same", "<1@example.test>", answered, false}, {"reply lost", "<>", lost, false}} {
		kase := readCase(t, once(c.id, c.end)+once(c.id, answered))
		for _, f := range kase.Sessions {
			f.Messages[0].MessageID = strings.TrimPrefix(f.Messages[0].MessageID, "<>")
		}
		found := kase.Findings(false)
		if i := slices.IndexFunc(found, func(f Finding) bool { return f.ID == "delivered-twice" }); i < 0 || found[i].Guess != c.guess {
			t.Errorf("%s: guess %v wanted\n%s", c.name, c.guess, report(found))
		}
	}
}

// imapOf returns a session that selects INBOX and then does more.
func imapOf(user, selected, more string) string {
	return `session 993
-- tls: TLS 1.3, sni localhost
S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready
C: a1 LOGIN ` + user + ` ***
S: a1 OK done
-- login: ` + user + ` LOGIN ok tag1
C: a2 SELECT INBOX
` + selected + "\nS: a2 OK done\n" + more + `
C: a9 LOGOUT
S: a9 OK done
end client
`
}

// pop3Of returns a session that fetches the first message.
func pop3Of(user, by string) string {
	return `session 995
-- tls: TLS 1.3, sni localhost
S: ` + by + `+OK ready
C: USER ` + user + `
S: +OK
C: PASS ***
S: +OK
-- login: ` + user + ` PASS ok tag1
C: RETR 1
S: +OK
S> Subject: hello (300 bytes)
C: QUIT
S: +OK bye
end server
`
}

// manyUsers returns n simultaneous sessions, each of another user.
func manyUsers(n int) string {
	text := ""
	for i := range n {
		user := fmt.Sprint("user", i)
		s := imapOf(user, "S: * OK [UIDVALIDITY 1] ok", "")
		s = strings.Replace(s, "session 993", fmt.Sprintf("session 993 at %dms", i), 1)
		text += strings.Replace(s, "C: a9 LOGOUT", "+10s\nC: a9 LOGOUT", 1)
	}
	return text
}
