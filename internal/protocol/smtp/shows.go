package smtp

import (
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/lazyregexp"
	"github.com/mailrig/mailrig/internal/protocol"
)

// This file says which arguments may be recorded.

// parameter matches the parameters of MAIL and RCPT that may be shown (IANA's registry of SMTP service extensions).
// AUTH isn't among them: a client may put its password there.
var parameter = lazyregexp.New(`(?i)^(?:SIZE=[0-9]+|BODY=(?:7BIT|8BITMIME|BINARYMIME)|SMTPUTF8|REQUIRETLS|AUTH=<>|RET=(?:FULL|HDRS)|ENVID=.*|` +
	`NOTIFY=[A-Z,]+|ORCPT=[A-Z0-9-]+;.*|BY=[-+]?[0-9]+;[A-Z]+|HOLDFOR=[0-9]+|HOLDUNTIL=[0-9TZ:+-]+|MT-PRIORITY=-?[0-9]|RRVS=.*|` +
	`SUBMITTER=.*|SOLICIT=.*|CONPERM|CONNEG=.*|TRANSID=<.*>|MTRK=.*)$`)

// bracketed matches an address that stands behind something else, perhaps behind a name.
var bracketed = lazyregexp.New(`^<[^<>@": \t]+@[^<>@": \t]+>+$`)

// name matches the name of a parameter that mailrig doesn't know.
var name = lazyregexp.New(`^[A-Z][A-Z0-9-]{0,19}$`)

// showPath shows the arguments of MAIL and RCPT: FROM:<a@b> with parameters.
func showPath(args string) string {
	if usual(args) {
		return args
	}
	from := 0
	if m := before.FindString(args); m != "" {
		from = len(m)
	} else if !strings.HasPrefix(args, "<") {
		return event.Mask
	}
	to := from + pathEnd(args[from:])
	if to < len(args) && args[to] == '>' {
		to++
		if rest := args[to:]; rest == ">" || strings.HasPrefix(rest, "> ") { // a second one, by mistake
			to++
		}
	}
	rest := protocol.ShowWords(args[to:], func(_ int, word string) (string, bool) {
		if parameter.MatchString(word) || bracketed.MatchString(word) {
			return word, true
		}
		if key, _, ok := strings.Cut(word, "="); ok && name.MatchString(key) {
			return key + "=" + event.Mask, true
		}
		return word, false
	})
	path := withoutPassword(args[from:to])
	if path == args[from:to] && rest == args[to:] {
		return args
	}
	return args[:from] + path + rest
}

// usual reports whether arguments are what nearly all clients send, with nothing in them that could be masked. It is quicker
// than looking at them closely.
func usual(args string) bool {
	path, ok := strings.CutPrefix(args, "FROM:<")
	if !ok {
		path, ok = strings.CutPrefix(args, "TO:<")
	}
	end := strings.IndexByte(path, '>')
	if !ok || end < 0 || strings.ContainsAny(path[:end], `":`) {
		return false
	}
	for rest := path[end+1:]; rest != ""; {
		var word string
		if rest, ok = strings.CutPrefix(rest, " "); !ok {
			return false
		}
		word, rest, ok = strings.Cut(rest, " ")
		if ok {
			rest = " " + rest
		}
		size, ok := strings.CutPrefix(word, "SIZE=")
		if !(ok && strings.Trim(size, "0123456789") == "" || word == "BODY=8BITMIME" || word == "SMTPUTF8") {
			return false
		}
	}
	return true
}

// before matches what stands before an address, also where a client forgets the colon or puts a space behind it.
var before = lazyregexp.New(`(?i)^(?:FROM|TO)[ \t]*:?[ \t]*`)

// withoutPassword masks the password in <user:password@domain>, which is no address.
func withoutPassword(path string) string {
	local := strings.TrimPrefix(path, "<")
	user, behind, ok := strings.Cut(local, ":")
	at := strings.LastIndexByte(behind, '@')
	if !ok || at < 0 || strings.ContainsAny(user, `@"`) { // a source route, or a quoted local part
		return path
	}
	return path[:len(path)-len(local)] + user + ":" + event.Mask + behind[at:]
}

// showChunk shows the arguments of BDAT.
func showChunk(args string) string {
	return protocol.ShowWords(args, func(_ int, word string) (string, bool) {
		return word, strings.EqualFold(word, "LAST") || strings.Trim(word, "0123456789") == ""
	})
}

// pathEnd returns where an address ends, however wrong it is: at a bracket or a space outside quotes.
func pathEnd(path string) int {
	for i, c := range outsideQuotes(path) {
		if c == '>' || c == ' ' || c == '\t' {
			return i
		}
	}
	return len(path)
}
