package check

import "strings"

// dialect speaks one protocol as a client.
type dialect interface {
	// greeting reads the server's first words.
	greeting(w *wire) (reply, error)
	// greets reports whether a server's first words, in upper case, belong to this protocol.
	greets(first string) bool
	// capabilities asks for the capabilities.
	capabilities(w *wire) (*Capabilities, error)
	// starttls asks for TLS.
	starttls(w *wire) (reply, error)
	// login logs in with a mechanism that usable has returned.
	login(w *wire, mechanism, user, password string) (reply, error)
	// usable returns the mechanism for a password that a login would accept, or "".
	usable(c *Capabilities) string
	// openInbox does what a client does first after a successful login.
	openInbox(w *wire) (reply, error)
	// tour lists the commands, one a line, that show what a client sees after its login. ask sends one of them.
	tour() string
	ask(w *wire, line string) (reply, error)
	// quit says goodbye. The server's answer doesn't matter.
	quit(w *wire)
}

// reply is a server's answer, parsed as far as a client needs.
type reply struct {
	ok       bool
	more     bool     // the server waits for more (334, +)
	preauth  bool     // IMAP PREAUTH
	code     string   // 535; [AUTHENTICATIONFAILED] without brackets
	enhanced string   // 5.7.8
	text     string   // the whole text, for people
	lines    []string // SMTP: the lines' texts; IMAP: untagged responses; POP3: the data
}

// firstOf returns the first of these names that the list contains.
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

// addOnce adds names that aren't in the list.
func addOnce(list []string, names ...string) []string {
	for _, n := range names {
		if n = strings.ToUpper(n); n != "" && firstOf(list, n) == "" {
			list = append(list, n)
		}
	}
	return list
}
