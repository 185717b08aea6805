package all

import (
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// TestFlaw checks what each protocol says about commands that aren't well formed. "" means that nothing is wrong. It shows
// the lines as records do: diagnose sees no others.
func TestFlaw(t *testing.T) {
	t.Parallel()
	m := protocol.NewMasker(Protocols())
	for _, c := range []struct{ protocol, line, want string }{
		{"smtp", "MAIL FROM:<a@example.test> SIZE=12 BODY=8BITMIME", ""},
		{"smtp", "mail from:<>", ""},
		{"smtp", "MAIL FROM: <a@example.test>", ""},
		{"smtp", `MAIL FROM:<"a b<c>"@example.test>`, ""},
		{"smtp", "RCPT TO:<@one.example,@two.example:bob@example.test>", ""},
		{"smtp", "MAIL FROM:a@example.test", "no angle brackets"},
		{"smtp", "MAIL FROM: a@example.test SIZE=3", "no angle brackets"},
		{"smtp", "MAIL FROM:Alice <a@example.test>", "a name before"},
		{"smtp", `MAIL FROM:<"Alice" <a@example.test>>`, "a name beside"},
		{"smtp", "MAIL FROM <a@example.test>", "no FROM:"},
		{"smtp", "MAIL", "no FROM:"},
		{"smtp", "RCPT TO:<bob@example.test", "isn't closed"},
		{"smtp", "RCPT TO:<bob@example.test>>", "second bracket"},
		{"smtp", "RCPT TO:<bob@example.test>NOTIFY=NEVER", "without a space"},
		{"smtp", "RCPT TO:<bob example.test>", "a space"},
		{"smtp", "RCPT TO:<bob@example.test,carol@example.test>", "several addresses"},
		{"smtp", "EHLO", "doesn't say its name"},
		{"smtp", "EHLO [192.0.2.1]", ""},
		{"smtp", "DATA now", "no argument"},
		{"smtp", "MAILFROM:<a@example.test>", "isn't a command"},
		{"smtp", "mailfrom: <a@example.test>", "isn't a command"},
		{"smtp", "RCPTTO:<a@example.test>", "RCPTTO isn't a command"},
		{"smtp", "HELP", ""},

		{"imap", `a1 SELECT "Our Projects"`, ""},
		{"imap", "a1 SELECT INBOX (CONDSTORE)", ""},
		{"imap", "a1 SELECT {12}", ""},
		{"imap", "a1 SELECT [Gmail]/Spam", ""},
		{"imap", "a1 SELECT Our Projects", `"Our Projects" has a space`},
		{"imap", "a1 EXAMINE [Gmail]/All Mail", "has a space"},
		{"imap", "a1 STATUS Our Projects (MESSAGES)", `"Our Projects" has a space`},
		{"imap", "a1 STATUS INBOX (MESSAGES UNSEEN)", ""},
		{"imap", "a1 SELECT", "name is missing"},
		{"imap", "a1 CREATE a(b", "isn't closed"},
		{"imap", `a1 CREATE Trash (USE (\Trash))`, ""},
		{"imap", "a1 CREATE 50%", "character %"},
		{"imap", `a1 LIST "" INBOX.%`, ""},
		{"imap", `a1 LIST "" * RETURN (SPECIAL-USE)`, ""},
		{"imap", `a1 LIST (SUBSCRIBED) "" *`, ""},
		{"imap", `a1 LIST "" Our Projects`, "has a space"},
		{"imap", "a1 COPY 1:* Our Projects", "has a space"},
		{"imap", "a1 UID MOVE 3,5:7 Trash", ""},
		{"imap", `a1 RENAME "a b" c d`, "has a space"},
		{"imap", "a1 RENAME a b", ""},
		{"imap", `a1 APPEND Sent (\Seen) "17-Jul-2026 02:44:25 -0700" {310}`, ""},
		{"imap", "a1 APPEND Sent {310+}", ""},
		{"imap", "a1 APPEND Sent ~{310}", ""},
		{"imap", "a1 APPEND {4}", ""},
		{"imap", "a1 APPEND Sent UTF8 (~{310}", ""},
		{"imap", `a1 APPEND Sent \Seen {310}`, "aren't in brackets"},
		{"imap", "a1 APPEND Sent Items {310}", `"Sent Items`},
		{"imap", "a1 APPEND Sent None {310}", "no None"},
		{"imap", "a1 APPEND Sent", "message is missing"},
		{"imap", "a1 FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (FROM TO)])", ""},
		{"imap", "a1 FETCH 1 BODY.PEEK[HEADER.FIELDS (FROM TO)]<0.20>", ""},
		{"imap", "a1 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12)", ""},
		{"imap", "a1 FETCH $ FLAGS", ""},
		{"imap", "a1 FETCH SEARCH (FLAGS)", `"SEARCH" isn't a message number`},
		{"imap", "a1 UID FETCH b'1' FLAGS", "isn't a message number"},
		{"imap", "a1 FETCH 0 FLAGS", "begin at 1"},
		{"imap", "a1 UID FETCH  (FLAGS)", "two spaces"},
		{"imap", "a1 FETCH 1 FLAGS BODY[]", "aren't in brackets"},
		{"imap", "a1 FETCH 1 BODY[HEADER.FIELDS FROM]", "HEADER.FIELDS aren't"},
		{"imap", `a1 STORE 1 +FLAGS (\Seen`, "isn't closed"},
		{"imap", `a1 STORE 1 +FLAGS (\Seen)`, ""},
		{"imap", `a1 SEARCH SUBJECT "two`, "isn't closed on its line"},
		{"imap", `a1 SEARCH SUBJECT "a \" b  c"`, ""},
		{"imap", "a1 SEARCH SINCE 2026-01-01", "isn't a date"},
		{"imap", "a1 SEARCH (SINCE 1-Feb-2026 UNSEEN)", ""},
		{"imap", "a1 SEARCH SUBJECT on FROM since", ""},
		{"imap", "NOOP", "no tag"},
		{"imap", "a1 FROB", ""},

		{"pop3", "RETR 1", ""},
		{"pop3", "RETR 00000012abc", "one message number"},
		{"pop3", "TOP 1", "number of lines"},
		{"pop3", "TOP 1 0", ""},
		{"pop3", "UIDL", ""},
		{"pop3", "LIST x", "isn't a message number"},
	} {
		p := protocol.Find(Protocols(), c.protocol)
		got := ""
		how := protocol.ShowMasked
		if word, known := p.Words.Find(p.Replies.Command(c.line).Verb); known && !word.Login && word.Secret == event.NoSecret {
			how = protocol.ShowAll // as the framings do
		}
		shown := m.Show(p, event.Escape([]byte(c.line)), how)
		if f := p.Flaw(shown.Line); f != nil {
			got = f.What
			if f.Section == "" || f.Do == "" || strings.HasSuffix(f.What, ".") || strings.HasSuffix(f.Do, ".") {
				t.Errorf("%q: half a flaw: %+v", c.line, f)
			}
		}
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s %q, recorded %q: %q, want %q", c.protocol, c.line, shown.Text, got, c.want)
		}
	}
}
