package identity

import (
	"fmt"
	"strconv"
	"strings"
)

// SMTPReply is an SMTP reply, split into its parts.
type SMTPReply struct {
	Code     int
	Enhanced [3]int // RFC 3463; all zero if the text has none
	Text     string // lines separated by \n
}

// ParseSMTP splits a reply like "535 5.7.8 text" (RFC 5321 section 4.2, RFC 2034). Further lines follow a \n each. They
// may repeat the code with a hyphen.
func ParseSMTP(s string) (SMTPReply, error) {
	var r SMTPReply
	var texts []string
	for i, line := range strings.Split(strings.TrimRight(s, "\r\n"), "\n") {
		line = strings.TrimSuffix(line, "\r")
		code, rest, ok := cutCode(line)
		if !ok && i == 0 {
			return r, fmt.Errorf("%q is no SMTP reply: it must begin with a code from 200 to 599, like \"550 5.1.1 User unknown\"", s)
		}
		if ok {
			if i > 0 && code != r.Code {
				return r, fmt.Errorf("%q changes its code from %d to %d", s, r.Code, code)
			}
			r.Code = code
		} else {
			rest = line
		}
		if enh, tail, ok := cutEnhanced(rest); ok {
			r.Enhanced, rest = enh, tail
		}
		texts = append(texts, rest)
	}
	r.Text = strings.Join(texts, "\n")
	return r, nil
}

func cutCode(line string) (int, string, bool) {
	if len(line) < 3 {
		return 0, "", false
	}
	code, err := strconv.Atoi(line[:3])
	if err != nil || code < 200 || code > 599 {
		return 0, "", false
	}
	if len(line) == 3 {
		return code, "", true
	}
	if line[3] != ' ' && line[3] != '-' {
		return 0, "", false
	}
	return code, line[4:], true
}

func cutEnhanced(s string) (enh [3]int, rest string, ok bool) {
	word, rest, _ := strings.Cut(s, " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 {
		return enh, s, false
	}
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 || n > 999 {
			return [3]int{}, s, false
		}
		enh[i] = n
	}
	if enh[0] != 2 && enh[0] != 4 && enh[0] != 5 {
		return [3]int{}, s, false
	}
	return enh, strings.TrimLeft(rest, " "), true
}

// IMAPReply is an IMAP status response, split into its parts.
type IMAPReply struct {
	Type string // OK, NO, BAD or BYE
	Code string // the words in brackets; "" if there are none
	Text string
}

// ParseIMAP splits a response like "NO [AUTHENTICATIONFAILED] text" (RFC 9051 section 7.1).
func ParseIMAP(s string) (IMAPReply, error) {
	s = strings.TrimRight(s, "\r\n")
	typ, rest, _ := strings.Cut(s, " ")
	r := IMAPReply{Type: strings.ToUpper(typ), Text: rest}
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

// POP3Reply is a POP3 status line, split into its parts.
type POP3Reply struct {
	OK   bool
	Code string // response code (RFC 2449 section 8); "" if there is none
	Text string
}

// ParsePOP3 splits a line like "-ERR [IN-USE] text" (RFC 1939 section 3, RFC 2449 section 8).
func ParsePOP3(s string) (POP3Reply, error) {
	s = strings.TrimRight(s, "\r\n")
	word, rest, _ := strings.Cut(s, " ")
	r := POP3Reply{OK: word == "+OK", Text: rest}
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
