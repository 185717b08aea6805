package pop3

import (
	"errors"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

type replies struct{}

// temporary lists the response codes that mean "not now" (RFC 2449 section 8.1, RFC 3206).
var temporary = []string{"SYS/TEMP", "IN-USE", "LOGIN-DELAY"}

// Verdict judges the first line (RFC 1939 section 3). In a login exchange it judges the last.
func (*replies) Verdict(_ string, lines []string, greeting bool) event.Verdict {
	line := lines[0]
	if n := len(lines); n > 1 && (strings.HasPrefix(line, "+ ") || line == "+") && !greeting {
		line = lines[n-1]
	}
	switch {
	case strings.HasPrefix(line, "+OK"):
		return event.Verdict{Class: event.OK}
	case strings.HasPrefix(line, "-ERR"):
		code := strings.ToUpper(protocol.CodeIn(strings.TrimPrefix(line, "-ERR ")))
		if slices.Contains(temporary, code) {
			return event.Verdict{Class: event.Temporary, Code: code}
		}
		return event.Verdict{Class: event.Permanent, Code: code}
	case strings.HasPrefix(line, "+") && !greeting:
		return event.Verdict{Class: event.Continue}
	}
	return event.Verdict{Class: event.Nonsense}
}

// Command splits a line at the first space, into verb and arguments.
func (*replies) Command(line string) protocol.Line {
	verb, args, _ := strings.Cut(strings.TrimLeft(line, " "), " ")
	return protocol.Line{Verb: strings.ToUpper(verb), Args: args}
}

// List reads the reply to CAPA (RFC 2449 section 5).
func (r *replies) List(verb string, lines []string) (names []string, ok bool) {
	names, ok = r.Listed(verb, lines)
	return protocol.Upper(names), ok
}

func (*replies) Write(_, text string) []byte { return []byte(strings.TrimRight(text, "\r\n") + "\r\n") }

func (r *replies) Greeting(text string) []byte { return r.Write("", text) }

func (*replies) Positive(text string) bool { return strings.HasPrefix(text, "+OK") }

// Closes reports whether the text is an -ERR in place of a greeting. POP3 can't go on after that.
func (*replies) Closes(text string, greeting bool) bool {
	return greeting && strings.HasPrefix(text, "-ERR")
}

// Check accepts what Parse accepts.
func (*replies) Check(text string, _ bool) error {
	_, err := Parse(text)
	return err
}

// CheckGreeting accepts more than Check: a scenario may greet with an invalid status.
func (*replies) CheckGreeting(text string) error {
	if strings.ContainsAny(text, "\r\n") {
		return errors.New("a greeting of IMAP and POP3 is one line")
	}
	return nil
}

// Resembles looks at the status indicator.
func (*replies) Resembles(text string) bool {
	return strings.HasPrefix(text, "-ERR") || strings.HasPrefix(text, "+OK")
}

// IsCommand looks at the verb.
func (*replies) IsCommand(line string) bool { return words.Begin(line) }

func (*replies) Canned(c protocol.Canned, _, _ string) []byte {
	switch c {
	case protocol.TooMuchData:
		return []byte("-ERR Line too long, closing\r\n")
	case protocol.TooManyConnections: // RFC 2449 section 8
		return []byte("-ERR [SYS/TEMP] Too many connections, try again later\r\n")
	case protocol.UnknownCommand:
		return []byte("-ERR Unknown command\r\n")
	case protocol.ShuttingDown:
		return []byte("-ERR [SYS/TEMP] Shutting down\r\n")
	case protocol.GoAhead:
		return []byte("+OK Begin TLS negotiation now\r\n")
	}
	return nil // RFC 1939 section 3: after an idle timeout, close without a word
}
