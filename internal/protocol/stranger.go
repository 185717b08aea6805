package protocol

import (
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/lazyregexp"
	"github.com/mailrig/mailrig/internal/suggest"
)

// This file shows lines that are no commands of a protocol that mailrig serves.

// request matches the first line of an HTTP request. Its target may hold a password.
var request = lazyregexp.New(`^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|TRACE|CONNECT) .*?(HTTP/[0-9](?:\.[0-9])?)$`)

// strangers are commands that no protocol here has, and that clients and proxies say nevertheless: extensions that
// mailrig doesn't serve (IANA's registries; Postfix; Gmail; Exchange), the PROXY protocol, HTTP.
var strangers = strings.Fields(`
	PROXY XCLIENT XFORWARD SEND SOML SAML TURN ETRN ATRN BURL XEXCH50
	UID PARTIAL GETACL SETACL DELETEACL LISTRIGHTS MYRIGHTS SETQUOTA GETMETADATA SETMETADATA GETANNOTATION SETANNOTATION
	RLIST RLSUB NOTIFY URLFETCH GENURLAUTH RESETKEY CONVERT CONVERSIONS LANGUAGE COMPARATOR CANCELUPDATE REPLACE
	GETJMAPACCESS XAPPLEPUSHSERVICE
	XTND LAST RPOP
	GET HEAD POST PUT OPTIONS PATCH TRACE CONNECT`)

// joined are the words of SMTP's commands that some clients write without the space in them.
var joined = []string{"MAILFROM:", "RCPTTO:"}

// Joined returns the length of a word like MAILFROM: at the beginning of a line, in any case, or 0.
func Joined(line string) int {
	for _, w := range joined {
		if len(line) >= len(w) && strings.EqualFold(line[:len(w)], w) {
			return len(w)
		}
	}
	return 0
}

// stranger shows the word of a command that isn't a secret, and masks the rest of the line.
func stranger(text string, all []*Protocol) string {
	if m := request.FindStringSubmatch(text); m != nil {
		return m[1] + " " + event.Mask + " " + m[2]
	}
	first, rest, more := strings.Cut(text, " ")
	if verbLike(first, all) {
		return first + masked(more)
	}
	if !more || !tag.MatchString(first) {
		return event.Mask
	}
	second, _, more := strings.Cut(rest, " ")
	if !verbLike(second, all) {
		return first + " " + event.Mask
	}
	return first + " " + second + masked(more)
}

// masked stands for a command's arguments, if it has any.
func masked(any bool) string {
	if any {
		return " " + event.Mask
	}
	return ""
}

// verbLike reports whether a word is the name of a command, written in capitals, perhaps with one slip. A name that begins
// with X is private to a client and its server (RFC 5321 section 4.1.5).
func verbLike(w string, all []*Protocol) bool {
	if len(w) < 3 || len(w) > 20 || strings.ToUpper(w) != w {
		return false
	}
	if slices.Contains(strangers, w) {
		return true
	}
	noLetter := func(c rune) bool { return c < 'A' || c > 'Z' }
	if strings.IndexFunc(w, noLetter) >= 0 {
		return false
	}
	return w[0] == 'X' || slices.ContainsFunc(all, func(p *Protocol) bool {
		return slices.ContainsFunc(p.Words, func(x Word) bool { return suggest.Slips(w, x.Verb) <= 1 })
	})
}
