package transcript

import (
	"bytes"
	"regexp"
)

const mask = "***"

// literal is the announcement of an IMAP literal that stands for a whole
// argument; it is no secret, and who reads on needs it.
var literal = regexp.MustCompile(`^\{[0-9]+\+?\}$`)

// Mask returns a command line with its credentials replaced by ***; the line
// itself when it carries none. The user's name stays where it stands alone.
// Lines that follow inside a login exchange are for the caller to mask whole
// (MaskedLine), because only it knows that an exchange is going on.
func Mask(protocol string, line []byte) []byte {
	switch protocol {
	case "smtp":
		return maskAfter(line, "AUTH", 1)
	case "pop3":
		for _, v := range []struct {
			verb string
			keep int
		}{{"PASS", 0}, {"AUTH", 1}, {"APOP", 1}} {
			if out := maskAfter(line, v.verb, v.keep); len(out) != len(line) || !bytes.Equal(out, line) {
				return out
			}
		}
	case "imap":
		tag, rest, ok := bytes.Cut(line, []byte(" "))
		if !ok {
			return line
		}
		keep := len(tag) + 1
		for _, verb := range []string{"AUTHENTICATE", "LOGIN"} {
			if out := maskAfter(rest, verb, 1); !bytes.Equal(out, rest) {
				return append(bytes.Clone(line[:keep]), out...)
			}
		}
	}
	return line
}

// MaskedLine stands for a line of a login exchange.
func MaskedLine() []byte { return []byte(mask + "\r\n") }

// maskAfter masks what follows the verb and keep more words. Words end at
// spaces; a quoted string is one word.
func maskAfter(line []byte, verb string, keep int) []byte {
	if len(line) < len(verb) || !bytes.EqualFold(line[:len(verb)], []byte(verb)) {
		return line
	}
	body, end := cutEnd(line)
	i := len(verb)
	if i == len(body) {
		return line
	}
	if body[i] != ' ' && body[i] != '\t' {
		return line
	}
	for k := 0; k <= keep; k++ {
		for i < len(body) && (body[i] == ' ' || body[i] == '\t') {
			i++
		}
		if k == keep {
			break
		}
		i = skipWord(body, i)
	}
	if i >= len(body) {
		return line
	}
	out := make([]byte, 0, i+len(mask)+len(end))
	out = append(out, body[:i]...)
	if announcement := literal.Find(body[i:]); announcement != nil && verb == "LOGIN" {
		out = append(out, announcement...)
		return append(out, end...)
	}
	out = append(out, mask...)
	return append(out, end...)
}

func skipWord(b []byte, i int) int {
	if i < len(b) && b[i] == '"' {
		for i++; i < len(b); i++ {
			if b[i] == '\\' {
				i++
			} else if b[i] == '"' {
				return i + 1
			}
		}
		return len(b)
	}
	for i < len(b) && b[i] != ' ' && b[i] != '\t' {
		i++
	}
	return i
}

func cutEnd(line []byte) (body, end []byte) {
	n := len(line)
	for n > 0 && (line[n-1] == '\n' || line[n-1] == '\r') {
		n--
	}
	return line[:n], line[n:]
}
