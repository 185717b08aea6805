package imap

import (
	"errors"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

type replies struct{}

// temporary lists the response codes that mean "not now" (RFC 5530 section 3, RFC 9051 section 7.1).
var temporary = []string{"UNAVAILABLE", "INUSE", "EXPUNGEISSUED", "THROTTLED"}

// Verdict judges the tagged line. If it hasn't come yet, Verdict judges BYE, a continuation request or an untagged BAD
// (RFC 9051 section 7.1).
func (*replies) Verdict(tag string, lines []string, greeting bool) event.Verdict {
	if greeting {
		return greetingVerdict(lines[0])
	}
	v := event.Verdict{}
	for _, line := range lines {
		switch {
		case strings.HasPrefix(line, "* BYE") && v.Class == event.NoReply:
			v.Class, v.Code = event.Temporary, protocol.CodeIn(strings.TrimPrefix(line, "* BYE "))
		case strings.HasPrefix(line, "+") && v.Class == event.NoReply:
			v.Class = event.Continue
		case tag != "" && strings.HasPrefix(line, tag+" "):
			word, rest, _ := strings.Cut(line[len(tag)+1:], " ")
			return tagged(word, protocol.CodeIn(rest))
		case strings.HasPrefix(line, "* BAD"):
			v.Class, v.NotUnderstood = event.Permanent, true
		}
	}
	return v
}

func tagged(word, code string) event.Verdict {
	v := event.Verdict{Class: event.Nonsense, Code: code}
	switch {
	case word == "OK":
		v.Class = event.OK
	case word == "NO" && slices.Contains(temporary, code), word == "BYE":
		v.Class = event.Temporary
	case word == "NO" || word == "BAD":
		v.Class, v.NotUnderstood = event.Permanent, word == "BAD" // RFC 9051 section 7.1.3
	}
	return v
}

// greetingVerdict judges a greeting, an untagged OK, PREAUTH or BYE (RFC 9051 section 7.1).
func greetingVerdict(line string) event.Verdict {
	rest, ok := strings.CutPrefix(line, "* ")
	word, rest, _ := strings.Cut(rest, " ")
	switch {
	case ok && (word == "OK" || word == "PREAUTH"):
		return event.Verdict{Class: event.OK, Code: protocol.CodeIn(rest), Preauth: word == "PREAUTH"}
	case ok && word == "BYE":
		return event.Verdict{Class: event.Temporary, Code: protocol.CodeIn(rest)}
	}
	return event.Verdict{Class: event.Nonsense}
}

// Command splits a line into tag, verb and arguments. After UID the verb has two words.
func (*replies) Command(line string) protocol.Line {
	var l protocol.Line
	rest := strings.TrimLeft(line, " ")
	l.Tag, rest, _ = strings.Cut(rest, " ")
	verb, args, _ := strings.Cut(rest, " ")
	l.Verb, l.Args = strings.ToUpper(verb), args
	if l.Verb == "UID" {
		sub, rest, _ := strings.Cut(args, " ")
		l.Verb, l.Args = "UID "+strings.ToUpper(sub), rest
	}
	return l
}

// capabilityList returns the list in one line of a reply. Every line that a server says is looked at, so this is no regular
// expression.
func capabilityList(line string) (names string, ok bool) {
	const untagged, code = "* CAPABILITY ", "[CAPABILITY "
	from := -1
	if begins(line, untagged) {
		from = len(untagged)
	}
	for at := 0; from < 0; at++ {
		next := strings.IndexByte(line[at:], '[')
		if next < 0 {
			return "", false
		}
		if at += next; begins(line[at:], code) {
			from = at + len(code)
		}
	}
	names, _, _ = strings.Cut(line[from:], "]")
	return names, true
}

// begins reports whether a line begins with these words, whatever their case.
func begins(line, words string) bool {
	return len(line) >= len(words) && strings.EqualFold(line[:len(words)], words)
}

// List finds a list in any reply: an untagged CAPABILITY or a response code (RFC 9051 sections 7.2.2 and 7.1).
func (r *replies) List(verb string, lines []string) (names []string, ok bool) {
	names, ok = r.Listed(verb, lines)
	return protocol.Upper(names), ok
}

// Write returns a tagged status response. BYE is never tagged.
func (*replies) Write(tag, text string) []byte {
	if strings.HasPrefix(text, "BYE") {
		tag = "*"
	}
	return []byte(tag + " " + strings.TrimRight(text, "\r\n") + "\r\n")
}

func (r *replies) Greeting(text string) []byte { return r.Write("*", text) }

func (*replies) Positive(text string) bool { return strings.HasPrefix(text, "OK") }

// Closes reports whether the text is a BYE (RFC 9051 section 7.1.5).
func (*replies) Closes(text string, _ bool) bool { return strings.HasPrefix(text, "BYE") }

// Check accepts what Parse accepts. A greeting may also be PREAUTH.
func (*replies) Check(text string, greeting bool) error {
	if rest, ok := strings.CutPrefix(text, "PREAUTH"); ok && greeting {
		text = "OK" + rest
	}
	_, err := Parse(text)
	return err
}

// CheckGreeting accepts more than Check: a scenario may greet with an invalid status.
func (*replies) CheckGreeting(text string) error {
	if strings.HasPrefix(text, "*") {
		return errors.New("imap: leave out the * in front, like OK ready")
	}
	if strings.ContainsAny(text, "\r\n") {
		return errors.New("a greeting of IMAP and POP3 is one line")
	}
	return nil
}

// IsCommand checks only the tag, because another protocol's command may follow it.
func (*replies) IsCommand(line string) bool {
	word, _, _ := strings.Cut(line, " ")
	return isTag(word) && len(word) < 16
}

func (*replies) Canned(c protocol.Canned, tag, _ string) []byte {
	switch c {
	case protocol.IdleTooLong:
		return []byte("* BYE Autologout; idle for too long\r\n")
	case protocol.TooMuchData:
		return []byte("* BYE Too much data\r\n")
	case protocol.TooManyConnections: // RFC 9051 section 7.1.5
		return []byte("* BYE Too many connections, try again later\r\n")
	case protocol.UnknownCommand:
		return []byte(tag + " BAD Unknown command\r\n")
	case protocol.ShuttingDown:
		return []byte("* BYE Shutting down\r\n")
	case protocol.GoAhead:
		return []byte(tag + " OK Begin TLS negotiation now\r\n")
	}
	return nil
}
