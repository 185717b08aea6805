package diagnose

import (
	"testing"
)

// upgraded returns a session in which a scenario says something in clear, and server and client say something inside
// TLS.
func upgraded(inClear, inside string) string {
	return `session 143
S: * OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready
C: a1 STARTTLS
` + inClear + `
S: a1 OK go ahead
-- tls: TLS 1.3, sni localhost
C: a2 CAPABILITY
S: * CAPABILITY IMAP4rev1 AUTH=PLAIN
S: a2 OK done
C: a3 LOGIN alice ***
S: a3 OK done
-- login: alice LOGIN ok tag1
` + inside + `
C: a9 LOGOUT
S: a9 OK done
end client
`
}

// TestBelief checks that a client counts as believing an attacker if it uses a name that nobody else can have told it.
func TestBelief(t *testing.T) {
	t.Parallel()
	const trusted, followed = "trusted-data-from-before-tls", "followed-referral"
	const folder = `S: [liar] * LIST () "/" "Old Mail"`
	referral := upgraded("", "C: a4 SELECT Archive\nS: [liar] a4 NO [REFERRAL imap://mallory;AUTH=*@localhost/Shared] moved")
	for _, c := range []struct {
		name, id, dialogue string
		gives              bool
	}{
		{"a mailbox told in clear", trusted, upgraded(folder, `C: a4 SELECT "Old Mail"`), true},
		{"... in another case", trusted, upgraded(folder, `C: a4 status "old mail" (MESSAGES)`), true},
		{"... that the client leaves alone", trusted, upgraded(folder, `C: a4 SELECT "New Mail"`), false},
		{"... that the server has told too", trusted, upgraded(folder, "C: a4 LIST \"\" *\nS: * LIST () \"/\" \"Old Mail\"\nS: a4 OK done\nC: a5 SELECT \"Old Mail\""), false},
		{"... that was told again inside", trusted, upgraded(folder, "C: a4 LIST \"\" *\nS: [renamed-folders] * LIST () \"/\" \"Old Mail\"\nS: a4 OK done\nC: a5 SELECT \"Old Mail\""), false},
		{"... that the client has named before", trusted, imapOf("alice", "S: * OK ok", `C: a3 SELECT "Old Mail"`) + upgraded(folder, `C: a4 SELECT "Old Mail"`), false},
		{"every client knows INBOX", trusted, upgraded("S: [liar] * STATUS INBOX (MESSAGES 9)", "C: a4 SELECT INBOX"), false},
		{"words aren't names", trusted, upgraded(`S: [liar] * OK [ALERT] Messages are lost`, `C: a4 SELECT Messages`), false},
		{"the server itself tells a mailbox in clear", trusted, upgraded(`S: * LIST () "/" "Old Mail"`, `C: a4 SELECT "Old Mail"`), false},

		{"a user whom a referral names", followed, referral + imapOf("mallory", "S: * OK ok", ""), true},
		{"a mailbox that a referral names", followed, referral + imapOf("alice", "S: * OK ok", "C: a3 EXAMINE Shared"), true},
		{"neither", followed, referral + imapOf("alice", "S: * OK ok", "C: a3 EXAMINE Archive"), false},
		{"before the referral", followed, imapOf("mallory", "S: * OK ok", "") + referral, false},
		{"a folder that is no referral", followed, upgraded(folder, `C: a4 SELECT "Old Mail"`), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if found := readCase(t, c.dialogue).Findings(true); gives(found, c.id) != c.gives {
				t.Errorf("%s: want %v, got\n%s", c.id, c.gives, report(found))
			}
		})
	}
}
