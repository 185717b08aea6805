package smtp

import (
	"fmt"
	"strconv"
	"strings"
)

// Reply is an SMTP reply, split into its parts.
type Reply struct {
	Code     int
	Enhanced [3]int // RFC 3463; all zero if the text has none
	Text     string // lines separated by \n
}

// Parse splits a reply like "535 5.7.8 text" (RFC 5321 section 4.2, RFC 2034). Further lines follow a \n each. They may
// repeat the code with a hyphen.
func Parse(s string) (Reply, error) {
	var r Reply
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
