package smtp

import (
	"strings"

	"github.com/mailrig/mailrig/internal/protocol"
)

// flaw finds what clients get wrong in the form of a command (RFC 5321 section 4.1.1).
func flaw(l protocol.Line) *protocol.Flaw {
	switch l.Verb {
	case "MAIL":
		return pathFlaw(l, "FROM:", "the sender's address", "RFC 5321 section 4.1.1.2")
	case "RCPT":
		return pathFlaw(l, "TO:", "the recipient's address", "RFC 5321 section 4.1.1.3")
	case "EHLO", "HELO":
		if strings.TrimSpace(l.Args) == "" {
			return &protocol.Flaw{What: "The client doesn't say its name", Section: "RFC 5321 section 4.1.1.1",
				Do: "say its host name, or its address in square brackets like [192.0.2.1]"}
		}
	case "DATA", "RSET", "QUIT", "STARTTLS":
		if l.Args != "" {
			return &protocol.Flaw{What: l.Verb + " takes no argument", Section: "RFC 5321 section 4.1.1", Do: "send " + l.Verb + " alone on its line"}
		}
	default:
		if verb, ok := strings.CutSuffix(l.Verb, ":"); ok && protocol.Joined(l.Verb) > 0 { // MAILFROM:<a@example.test>
			return &protocol.Flaw{What: verb + " isn't a command", Section: "RFC 5321 section 4.1.1", Do: "write MAIL FROM:<address> and RCPT TO:<address>"}
		}
	}
	return nil
}

// pathFlaw examines what follows MAIL or RCPT: FROM:<address>, and then parameters.
func pathFlaw(l protocol.Line, keyword, whose, section string) *protocol.Flaw {
	example := func() string { return l.Verb + " " + keyword + "<address>" }
	is := func(what, do string) *protocol.Flaw { return &protocol.Flaw{What: what, Section: section, Do: do} }
	if len(l.Args) < len(keyword) || !strings.EqualFold(l.Args[:len(keyword)], keyword) {
		return is("Behind "+l.Verb+" there is no "+keyword, "write "+example())
	}
	rest := strings.TrimLeft(l.Args[len(keyword):], " ")
	path, bracketed := strings.CutPrefix(rest, "<")
	if !bracketed {
		word, after, _ := strings.Cut(rest, " ")
		switch {
		case strings.Contains(rest, "<"):
			return is("There is a name before "+whose, "put only the address there, in angle brackets: names belong in the message's header")
		case word == "":
			return is("The address is missing", "write "+example())
		case strings.Contains(after, "@"):
			return is("There is more than "+whose, "write "+example())
		}
		return &protocol.Flaw{What: "There are no angle brackets around " + whose, Section: section, Do: "write " + example(), Tolerated: true}
	}
	end := closing(path)
	inside, after := path, ""
	if end >= 0 {
		inside, after = path[:end], path[end+1:]
	}
	switch {
	case strings.Contains(unquoted(inside), "<"):
		return is("There is a name beside "+whose+", inside the brackets", "put only the address there: names belong in the message's header")
	case !strings.HasPrefix(inside, "@") && strings.Count(unquoted(inside), "@") > 1 && strings.ContainsAny(unquoted(inside), ",;"):
		return is("There are several addresses", "send a command of its own for each")
	case strings.ContainsAny(unquoted(inside), " \t"):
		return is("There is a space in "+whose, "put only the address there")
	case end < 0:
		return is("The angle bracket around "+whose+" isn't closed", "write "+example())
	case strings.HasPrefix(after, ">"):
		return is("A second bracket closes "+whose, "write "+example())
	case after != "" && after[0] != ' ':
		return is("Something follows "+whose+" without a space", "write "+example()+", and parameters behind a space")
	}
	return nil
}

// closing returns where the bracket around a path closes, outside quotes, or -1. A path with a bracket in it, like
// "Name" <address>, ends at the last one that closes.
func closing(path string) int {
	depth := 1
	for i, c := range outsideQuotes(path) {
		switch c {
		case '<':
			depth++
		case '>':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// unquoted returns a path without what is in quotes.
func unquoted(path string) string {
	if !strings.Contains(path, `"`) {
		return path
	}
	var b strings.Builder
	for _, c := range outsideQuotes(path) {
		b.WriteByte(c)
	}
	return b.String()
}
