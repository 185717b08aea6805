package smtp

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

type replies struct{}

// Verdict judges the reply code of the last line (RFC 5321 section 4.2.1). A greeting must be 220, 421 or 554 (section
// 3.1).
func (*replies) Verdict(_ string, lines []string, greeting bool) event.Verdict {
	line := lines[len(lines)-1]
	if len(line) < 3 {
		return event.Verdict{Class: event.Nonsense}
	}
	v := event.Verdict{Code: line[:3], Enhanced: enhanced(line)}
	switch line[0] {
	case '2':
		v.Class = event.OK
	case '3':
		v.Class = event.Continue
	case '4':
		v.Class = event.Temporary
	case '5':
		v.Class = event.Permanent
	default:
		v.Class = event.Nonsense
	}
	v.NotUnderstood = v.Code == "500" || v.Code == "501" || v.Code == "555" // RFC 5321 section 4.2.2
	if greeting && v.Code != "220" && v.Code != "421" && v.Code != "554" {
		v.Class = event.Nonsense
	}
	return v
}

// enhanced returns the enhanced status code that follows a reply code (RFC 2034 section 4, RFC 3463 section 2).
func enhanced(line string) string {
	if len(line) < 5 || line[3] != ' ' && line[3] != '-' {
		return ""
	}
	word, _, _ := strings.Cut(line[4:], " ")
	if !isStatus(word) {
		return ""
	}
	return word
}

// isStatus reports whether a word is an enhanced status code, like 5.7.1: a class, and two numbers of at most three
// digits.
func isStatus(word string) bool {
	if len(word) < len("2.0.0") || !strings.Contains("245", word[:1]) || word[1] != '.' {
		return false
	}
	subject, detail, ok := strings.Cut(word[2:], ".")
	return ok && isNumber(subject) && isNumber(detail)
}

func isNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 3
}

// Command splits a line at the first space, or behind the colon of MAILFROM: and RCPTTO:, into verb and arguments.
func (*replies) Command(line string) protocol.Line {
	line = strings.TrimLeft(line, " ")
	verb, args, _ := strings.Cut(line, " ")
	if n := protocol.Joined(verb); n > 0 {
		verb, args = line[:n], strings.TrimLeft(line[n:], " ")
	}
	return protocol.Line{Verb: strings.ToUpper(verb), Args: args}
}

// List reads the reply to EHLO without its first line (RFC 5321 section 4.1.1.1).
func (r *replies) List(verb string, lines []string) (names []string, ok bool) {
	names, ok = r.Listed(verb, lines)
	return protocol.Upper(names), ok
}

// Write puts the code before every line, with a hyphen on all but the last (RFC 5321 section 4.2.1).
func (*replies) Write(_, text string) []byte {
	lines := strings.Split(strings.TrimRight(text, "\r\n"), "\n")
	code := ""
	if len(lines[0]) >= 3 {
		code = lines[0][:3]
	}
	var b bytes.Buffer
	for i, l := range lines {
		l = strings.TrimRight(l, "\r")
		if rest, ok := strings.CutPrefix(l, code); ok && (rest == "" || rest[0] == ' ' || rest[0] == '-') {
			l = strings.TrimLeft(rest, " -")
		}
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		b.WriteString(code + sep + l + "\r\n")
	}
	return b.Bytes()
}

func (r *replies) Greeting(text string) []byte { return r.Write("", text) }

func (*replies) Positive(text string) bool { return strings.HasPrefix(text, "2") }

// Closes reports whether the text is a 421, which may come at any time (RFC 5321 section 3.8).
func (*replies) Closes(text string, _ bool) bool { return strings.HasPrefix(text, "421") }

// Check accepts what Parse accepts.
func (*replies) Check(text string, _ bool) error {
	_, err := Parse(text)
	return err
}

// CheckRefusal requires a code that refuses a login.
func (*replies) CheckRefusal(text string) error {
	if r, err := Parse(text); err == nil && r.Code < 400 {
		return fmt.Errorf("smtp: %q wouldn't refuse the login; give a code from 400 to 599", text)
	}
	return nil
}

// Resembles looks at the first digit of the code.
func (*replies) Resembles(text string) bool { return text != "" && text[0] >= '2' && text[0] <= '5' }

// IsCommand looks at the verb.
func (*replies) IsCommand(line string) bool { return words.Begin(line) }

func (*replies) Canned(c protocol.Canned, _, domain string) []byte {
	switch c {
	case protocol.IdleTooLong:
		return []byte("421 4.4.2 " + domain + " Idle for too long, closing\r\n")
	case protocol.TooMuchData:
		return []byte("500 5.5.2 Line too long, closing\r\n")
	case protocol.TooManyConnections: // RFC 5321 section 4.2.3
		return []byte("421 4.3.2 Too many connections, try again later\r\n")
	case protocol.UnknownCommand:
		return []byte("502 5.5.1 Command not implemented\r\n")
	case protocol.UnknownParameter: // RFC 5321 section 4.1.1.11
		return []byte("555 5.5.4 Parameter not recognized\r\n")
	case protocol.ShuttingDown:
		return []byte("421 4.3.2 " + domain + " Shutting down\r\n")
	case protocol.GoAhead:
		return []byte("220 2.0.0 Ready to start TLS\r\n")
	}
	return nil
}
