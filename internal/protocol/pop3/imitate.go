package pop3

import (
	"strings"

	"github.com/mailrig/mailrig/internal/lazyregexp"
	"github.com/mailrig/mailrig/internal/protocol"
)

var _ protocol.Imitator = (*replies)(nil)

// Listed reads the reply to CAPA (RFC 2449 section 5).
func (*replies) Listed(verb string, lines []string) (names []string, ok bool) {
	if verb != "CAPA" || !strings.HasPrefix(lines[0], "+OK") {
		return nil, false
	}
	for _, line := range lines[1:] {
		if line != "." {
			names = append(names, line)
		}
	}
	return names, true
}

// Text returns the status line.
func (*replies) Text(lines []string) string { return lines[0] }

// counts matches words that say how much is in the maildrop, as in RFC 1939's own examples.
var counts = lazyregexp.New(`(?i)\d|\bempty\b|\bno (new )?(messages?|mail)\b`)

// Reworded replaces the status line of a command whose status is words alone. Behind the +OK of other commands stand
// numbers, and some servers say how many messages there are where others only greet.
func (*replies) Reworded(word protocol.Word, line string) (find, put string, ok bool) {
	switch status, words, _ := strings.Cut(line, " "); {
	case status == "-ERR":
		return "^-ERR.*$", protocol.Verbatim(line), true
	case status == "+OK" && counts.MatchString(words):
		return "", "", false
	case status == "+OK" && (word.Polite || word.Login || word.Opens && word.State == protocol.NoLogin):
		return `^\+OK.*$`, protocol.Verbatim(line), true
	}
	return "", "", false
}

// Folders returns none: a POP3 account is one folder.
func (*replies) Folders([]string) []protocol.Folder { return nil }

// Limit returns 0: POP3 takes no messages.
func (*replies) Limit([]string) int64 { return 0 }
