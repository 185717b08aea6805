package pop3

import (
	"fmt"
	"strings"
)

// Reply is a POP3 status line, split into its parts.
type Reply struct {
	OK   bool
	Code string // response code (RFC 2449 section 8); "" if there is none
	Text string
}

// Parse splits a line like "-ERR [IN-USE] text" (RFC 1939 section 3, RFC 2449 section 8).
func Parse(s string) (Reply, error) {
	s = strings.TrimRight(s, "\r\n")
	word, rest, _ := strings.Cut(s, " ")
	r := Reply{OK: word == "+OK", Text: rest}
	if word != "+OK" && word != "-ERR" {
		return r, fmt.Errorf("%q is no POP3 reply: it must begin with +OK or -ERR, like \"-ERR [SYS/TEMP] Try again later\"", s)
	}
	if strings.ContainsAny(s, "\r\n") {
		return r, fmt.Errorf("%q: a POP3 status is one line", s)
	}
	if strings.HasPrefix(rest, "[") {
		if code, text, ok := strings.Cut(rest[1:], "]"); ok {
			r.Code, r.Text = code, strings.TrimLeft(text, " ")
		}
	}
	return r, nil
}
