package transcript

import (
	"bytes"
	"regexp"
)

const mask = "***"

var (
	// credentialVerb finds a command that carries a password, in any protocol and
	// anywhere in the line: a client may talk SMTP to an IMAP door, forget its tag,
	// or type two spaces. In doubt too much is masked.
	credentialVerb = regexp.MustCompile(`(?i)(?:^|[^a-z0-9_.=-])(AUTHENTICATE|AUTH|LOGIN|PASS|APOP)([ \t:]+)[^ \t\r\n]`)
	// mechanism is what may stand behind AUTH and AUTHENTICATE unmasked.
	mechanism = regexp.MustCompile(`^"?[A-Za-z0-9_-]{1,24}"?$`)
	// user is what may stand behind LOGIN and APOP unmasked, when something follows.
	user = regexp.MustCompile(`^(?:"(?:[^"\\]|\\.)*"|[^ \t"\\{}:]+)$`)
	// literal is the announcement of an IMAP literal that stands for a whole
	// argument; it is no secret, and who reads on needs it.
	literal = regexp.MustCompile(`^\{[0-9]+[+-]?\}$`)
)

// Mask returns a command line with its credentials replaced by ***; the line itself
// when it carries none. The user's name stays where it stands by itself. Lines that
// follow inside a login exchange are for the caller to mask whole (MaskedLine),
// because only it knows that an exchange is going on.
func Mask(line []byte) []byte {
	m := credentialVerb.FindSubmatchIndex(line)
	if m == nil {
		return line
	}
	verb := string(bytes.ToUpper(line[m[2]:m[3]]))
	from := m[5] // behind the verb and its spaces
	body, end := cutEnd(line)
	args := body[from:]
	kept := 0
	word := args[:wordEnd(args)]
	rest := bytes.TrimLeft(args[len(word):], " \t")
	switch verb {
	case "AUTH", "AUTHENTICATE":
		if mechanism.Match(word) {
			kept = len(args) - len(rest)
		}
	case "LOGIN", "APOP":
		switch {
		case literal.Match(args): // LOGIN {5}
			return line
		case user.Match(word) && len(rest) > 0:
			kept = len(args) - len(rest)
		}
	}
	out := append([]byte{}, body[:from+kept]...)
	switch secret := args[kept:]; {
	case len(secret) == 0:
		return line
	case literal.Match(secret):
		out = append(out, secret...)
	default:
		out = append(out, mask...)
	}
	return append(out, end...)
}

// MaskedLine stands for a line of a login exchange.
func MaskedLine() []byte { return []byte(mask + "\r\n") }

// MaskExchange returns a line of a login exchange as it may be kept: a * alone, by
// which a client gives up (RFC 4954 section 4), and an empty line, which acknowledges
// an error (XOAUTH2), are no secrets.
func MaskExchange(line []byte) []byte {
	if body, _ := cutEnd(line); len(body) == 0 || string(body) == "*" {
		return line
	}
	return MaskedLine()
}

// wordEnd returns where the first word ends: at a space, or behind the closing quote.
func wordEnd(b []byte) int {
	if len(b) > 0 && b[0] == '"' {
		for i := 1; i < len(b); i++ {
			switch b[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
		return len(b)
	}
	if i := bytes.IndexAny(b, " \t"); i >= 0 {
		return i
	}
	return len(b)
}

func cutEnd(line []byte) (body, end []byte) {
	n := len(line)
	for n > 0 && (line[n-1] == '\n' || line[n-1] == '\r') {
		n--
	}
	return line[:n], line[n:]
}
