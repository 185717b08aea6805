package protocol

import (
	"slices"
	"strings"
)

// Named is what the arguments of a command line name, as far as rules match on it.
type Named struct {
	Mailbox, Mechanism, Sender, Recipient string
	// Rest says that the arguments hold more than these and the keywords of the command.
	Rest bool
}

// Leading returns the command with which a text begins, like SELECT in "SELECT INBOX", and what stands behind it. ok is
// false if the text begins with none.
func (w Words) Leading(text string) (word Word, rest string, ok bool) {
	fields := strings.Fields(text)
	for n := min(len(fields), 2); n > 0; n-- { // UID FETCH is one command
		if word, ok = w.Find(strings.Join(fields[:n], " ")); ok {
			return word, strings.Join(fields[n:], " "), true
		}
	}
	return word, "", false
}

// Elsewhere reports whether a command that no protocol here has is one that clients may say all the same: an extension
// that mailrig doesn't serve, or a private one. Their names begin with X (RFC 5321 section 4.1.5). * stands alone on a
// line where a client gives up a login (RFC 4954 section 4); if a scenario has made the challenge up, it is a command.
func Elsewhere(verb string) bool {
	verb = strings.ToUpper(verb)
	return verb == "*" || verb != "" && !strings.Contains(verb, " ") && (verb[0] == 'X' || slices.Contains(strangers, verb))
}
