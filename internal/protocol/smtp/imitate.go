package smtp

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/mailrig/mailrig/internal/protocol"
)

var _ protocol.Imitator = (*replies)(nil)

// Listed reads the reply to EHLO without its first line (RFC 5321 section 4.1.1.1).
func (*replies) Listed(verb string, lines []string) (names []string, ok bool) {
	if verb != "EHLO" || !strings.HasPrefix(lines[len(lines)-1], "250") {
		return nil, false
	}
	for _, line := range lines[1:] {
		if len(line) > 4 {
			names = append(names, line[4:])
		}
	}
	return names, true
}

// Text joins the lines: Write removes the codes and puts them there again.
func (*replies) Text(lines []string) string { return strings.Join(lines, "\n") }

var line = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([2-5][0-9][0-9]) (.*)$`) })

// Reworded replaces the text behind a code. A challenge is no text.
func (*replies) Reworded(word protocol.Word, text string) (find, put string, ok bool) {
	m := line().FindStringSubmatch(text)
	if m == nil || word.Asks || m[1] == "334" {
		return "", "", false
	}
	return "^" + m[1] + " .*$", protocol.Verbatim(text), true
}

// Folders returns none: SMTP has no folders.
func (*replies) Folders([]string) []protocol.Folder { return nil }

// Limit reads SIZE (RFC 1870 section 4). 0 means no limit there too.
func (*replies) Limit(names []string) int64 {
	for _, name := range names {
		if word, value, _ := strings.Cut(name, " "); strings.EqualFold(word, "SIZE") {
			n, _ := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			return max(0, n)
		}
	}
	return 0
}
