package imap

import (
	"fmt"
	"strings"
)

// Reply is an IMAP status response, split into its parts.
type Reply struct {
	Type string // OK, NO, BAD or BYE
	Code string // the words in brackets; "" if there are none
	Text string
}

// Parse splits a response like "NO [AUTHENTICATIONFAILED] text" (RFC 9051 section 7.1).
func Parse(s string) (Reply, error) {
	s = strings.TrimRight(s, "\r\n")
	typ, rest, _ := strings.Cut(s, " ")
	r := Reply{Type: strings.ToUpper(typ), Text: rest}
	switch r.Type {
	case "OK", "NO", "BAD", "BYE":
	default:
		return r, fmt.Errorf("%q is no IMAP reply: it must begin with OK, NO, BAD or BYE, like \"NO [UNAVAILABLE] Try again later\"", s)
	}
	if strings.ContainsAny(s, "\r\n") {
		return r, fmt.Errorf("%q: an IMAP reply is one line", s)
	}
	if strings.HasPrefix(rest, "[") {
		code, text, ok := strings.Cut(rest[1:], "]")
		if !ok {
			return r, fmt.Errorf("%q opens a bracket and doesn't close it", s)
		}
		r.Code, r.Text = code, strings.TrimLeft(text, " ")
	}
	if r.Text == "" {
		r.Text = "." // some clients can't read a response code without text
	}
	return r, nil
}
