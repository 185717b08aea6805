package check

import "strings"

// dialect is how to speak one protocol as a client.
type dialect interface {
	// greeting reads the server's first words.
	greeting(w *wire) (reply, error)
	// capabilities asks what the server can do.
	capabilities(w *wire) (*Capabilities, error)
	// starttls asks for TLS.
	starttls(w *wire) (reply, error)
	// login proves who we are, by a mechanism from usable.
	login(w *wire, mechanism, user, password string) (reply, error)
	// usable is the mechanism for a password that a login would take, or "".
	usable(c *Capabilities) string
	// openInbox does what a client does first, behind a login that has worked.
	openInbox(w *wire) (reply, error)
	// quit takes leave; the server's answer doesn't matter.
	quit(w *wire)
}

// reply is a server's answer, taken apart as far as a client needs.
type reply struct {
	ok       bool
	more     bool     // it waits for more (334, +)
	preauth  bool     // IMAP PREAUTH
	code     string   // 535; [AUTHENTICATIONFAILED] without brackets
	enhanced string   // 5.7.8
	text     string   // all of it, for a person
	lines    []string // SMTP: the lines' texts; IMAP: untagged responses; POP3: the data
}

// firstOf is the first of these that the list has.
func firstOf(list []string, names ...string) string {
	for _, n := range names {
		for _, have := range list {
			if strings.EqualFold(n, have) {
				return n
			}
		}
	}
	return ""
}

// addOnce adds a name that isn't in the list.
func addOnce(list []string, names ...string) []string {
	for _, n := range names {
		if n = strings.ToUpper(n); n != "" && firstOf(list, n) == "" {
			list = append(list, n)
		}
	}
	return list
}
