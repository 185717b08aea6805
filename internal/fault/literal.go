package fault

import (
	"errors"
	"fmt"
	"strings"
)

// What stands around the text of a literal in raw bytes and lines.
const (
	literalBegins = "{literal}"
	literalEnds   = "{end}"
)

// Literals replaces each {literal}text{end} by a literal of IMAP (RFC 9051 section 4.3), whose bytes it counts. The text
// must have the line ends with which it is sent.
func Literals(text string) string {
	if !strings.Contains(text, literalBegins) {
		return text
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, literalBegins)
		inside, after, ends := strings.Cut(rest, literalEnds)
		if !found || !ends {
			return b.String() + text
		}
		fmt.Fprintf(&b, "%s{%d}\r\n%s", before, len(inside), inside)
		text = after
	}
}

// checkLiterals requires an {end} for each {literal}, before the next one.
func checkLiterals(text string) error {
	pieces := strings.Split(text, literalBegins)
	for i, piece := range pieces {
		if strings.Count(piece, literalEnds) != min(i, 1) {
			return errors.New("each {literal} needs an {end} of its own, like {literal}text{end}")
		}
	}
	return nil
}

// noLiteral refuses a literal where none is expanded.
func noLiteral(text string) error {
	if strings.Contains(text, literalBegins) {
		return errors.New("{literal} works in raw, say and starttls only")
	}
	return nil
}

// crlf ends the lines of a text as they are sent.
func crlf(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
}
