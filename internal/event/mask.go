package event

import (
	"bytes"
	"regexp"
	"strings"
)

// Mask replaces a credential in what is recorded.
const Mask = "***"

// Secret says which of a command's arguments are credentials.
type Secret int

// The ways in which arguments hold a credential.
const (
	NoSecret       Secret = iota
	AllSecret             // everything after the verb: PASS
	SecretResponse        // what follows the mechanism: AUTH, AUTHENTICATE
	SecretBehind          // what follows the user name: LOGIN, APOP
)

// Masker hides the credentials in command lines, in the words of any protocol and anywhere in the line. A client may
// speak SMTP to an IMAP door, forget its tag, or type two spaces. When in doubt, Masker hides too much.
type Masker struct {
	verbs map[string]Secret
	find  *regexp.Regexp
}

var (
	// mechanism matches what may follow AUTH or AUTHENTICATE unmasked.
	mechanism = regexp.MustCompile(`^"?[A-Za-z0-9_-]{1,24}"?$`)
	// user matches what may follow LOGIN or APOP unmasked, provided that something comes after it.
	user = regexp.MustCompile(`^(?:"(?:[^"\\]|\\.)*"|[^ \t"\\{}:]+)$`)
	// literal matches the announcement of an IMAP literal that stands for a whole argument. It is no secret, and a
	// reader of the dialogue needs it.
	literal = regexp.MustCompile(`^\{[0-9]+[+-]?\}$`)
)

// NewMasker returns a Masker for these verbs. The keys are upper case.
func NewMasker(verbs map[string]Secret) *Masker {
	var names []string
	for v, form := range verbs {
		if form != NoSecret {
			names = append(names, regexp.QuoteMeta(v))
		}
	}
	// Longer names first, so that AUTHENTICATE is tried before AUTH.
	sortByLength(names)
	return &Masker{verbs, regexp.MustCompile(`(?i)(?:^|[^a-z0-9_.=-])(` + strings.Join(names, "|") + `)([ \t:]+)[^ \t\r\n]`)}
}

func sortByLength(names []string) {
	for i := range names {
		for j := i; j > 0 && (len(names[j]) > len(names[j-1]) || len(names[j]) == len(names[j-1]) && names[j] < names[j-1]); j-- {
			names[j], names[j-1] = names[j-1], names[j]
		}
	}
}

// Mask returns a command line with its credentials replaced, and reports whether it held any. If it held none, Mask
// returns the line itself. A user name that is an argument of its own stays. For later lines of a login exchange use
// Recorder.Answer: only the caller knows that an exchange is going on.
func (m *Masker) Mask(line []byte) (masked []byte, secret bool) {
	at := m.find.FindSubmatchIndex(line)
	if at == nil {
		return line, false
	}
	form := m.verbs[strings.ToUpper(string(line[at[2]:at[3]]))]
	from := at[5] // after the verb and its spaces
	body, end := cutEnd(line)
	args := body[from:]
	kept := 0
	word := args[:wordEnd(args)]
	rest := bytes.TrimLeft(args[len(word):], " \t")
	switch form {
	case SecretResponse:
		if mechanism.Match(word) {
			kept = len(args) - len(rest)
		}
	case SecretBehind:
		switch {
		case literal.Match(args): // LOGIN {5}
			return line, false
		case user.Match(word) && len(rest) > 0:
			kept = len(args) - len(rest)
		}
	}
	out := append([]byte{}, body[:from+kept]...)
	switch hidden := args[kept:]; {
	case len(hidden) == 0:
		return line, false
	case literal.Match(hidden):
		out = append(out, hidden...)
	default:
		out, secret = append(out, Mask...), true
	}
	return append(out, end...), secret
}

// wordEnd returns where the first word ends: at a space or after the closing quote.
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
