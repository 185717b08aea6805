package imap

import (
	"bytes"
	"strings"
)

// mentionsLogin reports whether a line may be a login, in any case.
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

// strange reports whether a line contains a bare CR or a NUL.
func strange(line []byte) bool {
	body := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	return bytes.ContainsAny(body, "\r\x00")
}

// openQuote reports whether a quoted string begins in the line and doesn't end in it. A quoted string can't continue on
// the next line (RFC 9051 section 4.3).
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

// isAtom reports whether s is an atom (RFC 9051 section 9).
func isAtom(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return false
		}
	}
	return s != ""
}
