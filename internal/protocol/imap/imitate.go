package imap

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/mailrig/mailrig/internal/protocol"
)

var _ protocol.Imitator = (*replies)(nil)

// Listed finds a list in any reply, as List does.
func (*replies) Listed(_ string, lines []string) (names []string, ok bool) {
	for _, line := range lines {
		if list, found := capabilityList(line); found {
			names = strings.Fields(list)
		}
	}
	return names, names != nil
}

// Text returns the last line without its tag.
func (*replies) Text(lines []string) string {
	_, text, _ := strings.Cut(lines[len(lines)-1], " ")
	return text
}

var status = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\S+) (OK|NO|BAD|BYE) (\[[^\]]*\] )?(.*)$`) })

// Reworded replaces the text of a tagged status, or of BYE. A response code goes with the text at a login and where the
// command fails; elsewhere the code holds data, which is mailrig's own.
func (*replies) Reworded(word protocol.Word, line string) (find, put string, ok bool) {
	m := status().FindStringSubmatch(line)
	switch {
	case m == nil || m[1] == "+" || m[1] == "*" && m[2] != "BYE":
		return "", "", false
	case m[1] == "*":
		return `^\* BYE .*$`, protocol.Verbatim("* BYE " + m[3] + m[4]), true
	case m[2] != "OK" || word.Login:
		return `^([^*+ ]\S*) ` + m[2] + ` .*$`, "${1} " + protocol.Verbatim(m[2]+" "+m[3]+m[4]), true
	}
	return `^([^*+ ]\S*) OK (\[[^\]]*\] )?.*$`, "${1} OK ${2}" + protocol.Verbatim(m[4]), true
}

var listedFolder = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^\* (?:X?LIST|LSUB) \(([^)]*)\) (NIL|"(?:\\.|[^"\\])*") (?:"((?:\\.|[^"\\])*)"|([^ "{]+))$`)
})

// specialUse matches the special uses (RFC 6154 section 2).
var specialUse = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\\(All|Archive|Drafts|Flagged|Important|Junk|Sent|Trash)\b`)
})

// Folders reads LIST (RFC 9051 section 7.3.1). A name that comes as a literal is left out.
func (*replies) Folders(lines []string) (all []protocol.Folder) {
	plain := strings.NewReplacer(`\\`, `\`, `\"`, `"`)
	for _, line := range lines {
		m := listedFolder().FindStringSubmatch(line)
		if m == nil {
			continue
		}
		f := protocol.Folder{Name: decodeUTF7(plain.Replace(m[3]) + m[4]), Use: specialUse().FindString(m[1])}
		if quoted := m[2]; quoted[0] == '"' {
			f.Delimiter = plain.Replace(quoted[1 : len(quoted)-1])
		}
		all = append(all, f)
	}
	return all
}

// Limit reads APPENDLIMIT (RFC 7889 section 3).
func (*replies) Limit(names []string) int64 {
	for _, name := range names {
		if word, value, _ := strings.Cut(name, "="); strings.EqualFold(word, "APPENDLIMIT") {
			n, _ := strconv.ParseInt(value, 10, 64)
			return max(0, n)
		}
	}
	return 0
}
