package imap

import (
	"slices"
	"testing"
	"unicode/utf8"
)

func TestMailboxesOf(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		verb, args, selected string
		want                 []string
	}{
		{"SELECT", "INBOX\r\n", "Old", []string{"INBOX"}},
		{"SELECT", `"a \"b\" \\c" (CONDSTORE)`, "", []string{`a "b" \c`}},
		{"STATUS", "Entw&APw-rfe (MESSAGES)", "INBOX", []string{"Entwürfe"}},
		{"APPEND", `"Tom &- Jerry" {3}`, "", []string{"Tom & Jerry"}},
		{"RENAME", `old "new one"`, "INBOX", []string{"old", "new one"}},
		{"UID COPY", `1:* "A"`, "B", []string{"B", "A"}},
		{"FETCH", "1 FLAGS", "B", []string{"B"}},
		{"FETCH", "1 FLAGS", "", nil},
		{"SELECT", "{5}", "B", nil},
		{"SELECT", `"open`, "", []string{"open"}},
		{"CREATE", "&broken", "", []string{"&broken"}},
		{"CREATE", "&Jjo!-x", "", []string{"&Jjo!-x"}},
		{"CREATE", "&2D3cqQ-", "", []string{"💩"}},
	} {
		if got := mailboxesOf(tc.verb, []byte(tc.args), tc.selected); !slices.Equal(got, tc.want) {
			t.Errorf("%s %s: %q, want %q", tc.verb, tc.args, got, tc.want)
		}
	}
}

func FuzzMailboxesOf(f *testing.F) {
	for _, args := range []string{"INBOX", `"a\"b"`, "&AP-", "1:* x", `"`, "{3+}"} {
		f.Add("RENAME", args)
		f.Add("UID COPY", args)
	}
	f.Fuzz(func(t *testing.T, verb, args string) {
		for _, name := range mailboxesOf(verb, []byte(args), "INBOX") {
			if utf8.ValidString(args) && !utf8.ValidString(name) {
				t.Errorf("%q of %q isn't UTF-8", name, args)
			}
		}
	})
}
