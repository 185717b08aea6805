package gate

import (
	"bytes"
	"strconv"
	"strings"
)

// literalSize recognises {n} and {n+} at the end of a line (RFC 9051 section
// 4.3, RFC 7888).
func literalSize(line []byte) (n int64, sync, ok bool) {
	l := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if len(l) < 3 || l[len(l)-1] != '}' {
		return 0, false, false
	}
	i := bytes.LastIndexByte(l, '{')
	if i < 0 {
		return 0, false, false
	}
	digits := l[i+1 : len(l)-1]
	sync = true
	if k := len(digits) - 1; k > 0 && (digits[k] == '+' || digits[k] == '-') {
		sync, digits = false, digits[:k]
	}
	u, err := strconv.ParseUint(string(digits), 10, 63)
	if err != nil {
		return 0, false, false
	}
	return int64(u), sync, true
}

// mentionsLogin tells if a line may be a login, in whatever letters.
func mentionsLogin(line []byte) bool {
	for i := range line {
		switch line[i] {
		case 'L', 'l':
			if hasPrefixFold(line[i:], "LOGIN") {
				return true
			}
		case 'A', 'a':
			if hasPrefixFold(line[i:], "AUTHENTICATE") {
				return true
			}
		}
	}
	return false
}

func hasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && strings.EqualFold(string(b[:len(prefix)]), prefix)
}

// strange tells if a line has a bare CR or a NUL in it.
func strange(line []byte) bool {
	body := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	return bytes.ContainsAny(body, "\r\x00")
}

// openQuote tells if a quoted string begins in the line and doesn't end in it (RFC
// 9051 section 4.3: it can't go on behind a line end).
func openQuote(line []byte) bool {
	open := false
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && open:
			i++
		case line[i] == '"':
			open = !open
		}
	}
	return open
}

func isTag(s string) bool { return s != "" && isAtom(s) && !strings.Contains(s, "+") }

// isAtom tells an atom (RFC 9051 section 9).
func isAtom(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// imapReply makes a tagged status of a scenario's text; BYE is never tagged.
func imapReply(tag, text string) []byte {
	if strings.HasPrefix(text, "BYE") {
		tag = "*"
	}
	return []byte(tag + " " + strings.TrimRight(text, "\r\n") + "\r\n")
}
