package diagnose

import "testing"

// TestInnocent: what looks like a mistake and isn't one, mostly because several users or
// programs come from one address.
func TestInnocent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, id, dialogue string }{
		{"each user's mailbox has its own UIDVALIDITY", "used-stale-uids", imapOf("alice", "S: * OK [UIDVALIDITY 1] ok", "C: a3 UID FETCH 1:* (FLAGS)\nS: a3 OK done") +
			imapOf("bob", "S: * OK [UIDVALIDITY 7] ok", "C: a3 UID FETCH 1 (BODY[])\nS: a3 OK done")},
		{"APPENDUID tells the new UID", "used-stale-uids", imapOf("alice", "S: * OK [UIDVALIDITY 1] ok", "") +
			imapOf("alice", "S: [imap-uidvalidity-changes] * OK [UIDVALIDITY 7] ok", "C: a3 APPEND INBOX {5+}\nC> hello (5 bytes)\nS: a3 OK [APPENDUID 7 3] done\nC: a4 UID STORE 3 +FLAGS (\\Seen)\nS: a4 OK done")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if found := readCase(t, c.dialogue).Findings(true); gives(found, c.id) {
				t.Errorf("gives\n%s", report(found))
			}
		})
	}
}

// imapOf is a session that selects INBOX, and then does more.
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
