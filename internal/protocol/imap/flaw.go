package imap

import (
	"strconv"
	"strings"

	"github.com/mailrig/mailrig/internal/lazyregexp"
	"github.com/mailrig/mailrig/internal/protocol"
)

// flaw finds what clients get wrong in the form of a command (RFC 9051 sections 2.2.1 and 9). It sees only the first line
// of a command with literals.
func flaw(l protocol.Line) *protocol.Flaw {
	if l.Verb == "" || l.Verb == "UID " {
		if _, isVerb := words.Find(l.Tag); isVerb {
			return &protocol.Flaw{What: "There is no tag before the command", Section: "RFC 9051 section 2.2.1", Do: "begin each command with a tag of its own, like: a1 NOOP"}
		}
		return nil // two spaces, or a line that isn't a command
	}
	if openQuote([]byte(l.Args)) {
		return &protocol.Flaw{What: "A quoted string isn't closed on its line", Section: "RFC 9051 section 4.3",
			Do: "take line ends out of what it quotes, put a backslash before quotation marks, or send a literal"}
	}
	a, balanced := arguments(l.Args)
	switch {
	case strings.HasPrefix(l.Args, " ") || strings.Contains(outsideQuotes(l.Args), "  "):
		return &protocol.Flaw{What: "There are two spaces where there must be one, or something is missing between them", Section: "RFC 9051 section 9",
			Do: "look whether a value is empty, and send one space"}
	case !balanced:
		return &protocol.Flaw{What: "A bracket isn't closed, or wasn't opened", Section: "RFC 9051 section 9", Do: "send as many closing brackets as it opens"}
	}
	switch l.Verb {
	case "SELECT", "EXAMINE", "CREATE", "DELETE", "SUBSCRIBE", "UNSUBSCRIBE":
		return folderFlaw(a, 1, "(")
	case "STATUS":
		return folderFlaw(a, 1, "(")
	case "COPY", "MOVE", "UID COPY", "UID MOVE":
		return first(setFlaw(a), func() *protocol.Flaw { return folderFlaw(a[min(1, len(a)):], 1, "") })
	case "RENAME":
		return folderFlaw(a, 2, "(")
	case "LIST", "LSUB":
		if len(a) > 0 && a[0][0] != '(' {
			return folderFlaw(a, 2, "RETURN")
		}
	case "APPEND":
		return appendFlaw(a)
	case "FETCH", "UID FETCH":
		return first(setFlaw(a), func() *protocol.Flaw { return itemsFlaw(a) })
	case "STORE", "UID STORE":
		return setFlaw(a)
	case "SEARCH", "UID SEARCH":
		return dateFlaw(a)
	}
	return nil
}

func first(f *protocol.Flaw, next func() *protocol.Flaw) *protocol.Flaw {
	if f != nil {
		return f
	}
	return next()
}

// arguments splits arguments at spaces. Quoted strings, lists and sections, like BODY[HEADER.FIELDS (FROM)], stay whole.
// balanced reports whether the brackets of lists match; a name may have square brackets.
func arguments(args string) (all []string, balanced bool) {
	round, square, quoted, from := 0, 0, false, 0
	for i := 0; i <= len(args); i++ {
		if i == len(args) || args[i] == ' ' && !quoted && round <= 0 && square <= 0 {
			if i > from {
				all = append(all, args[from:i])
			}
			from = i + 1
			continue
		}
		switch c := args[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			round++
		case c == ')':
			round--
		case c == '[' && hasPrefixFold([]byte(args[from:i]), "BODY") || c == '[' && hasPrefixFold([]byte(args[from:i]), "BINARY"):
			square++
		case c == ']' && square > 0:
			square--
		}
	}
	_, _, goesOn := literalSize([]byte(args + "\r\n"))
	return all, round == 0 || goesOn && round > 0
}

// outsideQuotes returns args without what is in quotation marks.
func outsideQuotes(args string) string {
	if !strings.Contains(args, `"`) {
		return args
	}
	var b strings.Builder
	quoted := false
	for i := 0; i < len(args); i++ {
		switch c := args[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
			b.WriteByte('"')
		case !quoted:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// folderFlaw finds the name of a mailbox that should be quoted: n names come first, and then nothing, or what begins
// with next. Names behind which RETURN may follow are LIST's, and may be patterns.
func folderFlaw(a []string, n int, next string) *protocol.Flaw {
	if len(a) < n {
		return &protocol.Flaw{What: "A folder's name is missing", Section: "RFC 9051 section 9", Do: `look whether the name is empty; an empty name is ""`}
	}
	for _, name := range a[:n] {
		if special := strings.IndexAny(name, `({%*`); special > 0 && name[0] != '"' && next != "RETURN" {
			return &protocol.Flaw{What: "The folder's name has the character " + name[special:special+1] + " and isn't quoted", Section: "RFC 9051 sections 4.3 and 5.1", Do: "put the name into quotation marks"}
		}
	}
	if len(a) == n || next != "" && strings.HasPrefix(strings.ToUpper(a[n]), next) || isLiteral(a[n-1]) {
		return nil
	}
	name := []string{}
	for _, word := range a[n-1:] {
		if word[0] == '(' {
			break
		}
		name = append(name, strings.Trim(word, `"`))
	}
	return &protocol.Flaw{What: "The folder's name " + strconv.Quote(strings.Join(name, " ")) + " has a space and isn't quoted",
		Section: "RFC 9051 sections 4.3 and 5.1", Do: "put the name into quotation marks"}
}

func isLiteral(word string) bool {
	_, _, ok := literalSize([]byte(word + "\r\n"))
	return ok
}

// appendFlaw examines APPEND mailbox [(flags)] ["date"] {size} (RFC 9051 section 6.3.12).
func appendFlaw(a []string) *protocol.Flaw {
	const section = "RFC 9051 section 6.3.12"
	if len(a) == 0 {
		return folderFlaw(a, 1, "")
	}
	if len(a) == 1 {
		if isLiteral(a[0]) {
			return nil // the name itself, and the rest follows it
		}
		return &protocol.Flaw{What: "The message is missing", Section: section, Do: "end the line with the message's size in braces, like {310}, and send the message behind it"}
	}
	switch word := a[1]; {
	case word[0] == '\\':
		return &protocol.Flaw{What: "The flags aren't in brackets", Section: section, Do: `write them as a list, like (\Seen)`}
	case word[0] == '(' || word[0] == '"' || isLiteral(word) || strings.HasPrefix(strings.ToUpper(word), "UTF8"):
		return nil
	case strings.EqualFold(word, "NIL") || word == "None" || word == "null":
		return &protocol.Flaw{What: "APPEND has no " + word + " for flags that aren't given", Section: section, Do: "leave out what it doesn't give"}
	}
	return folderFlaw(a, 1, "(")
}

// set matches a set of message numbers (RFC 9051 section 9: sequence-set).
var set = lazyregexp.New(`^(\$|(\*|[1-9][0-9]*)(:(\*|[1-9][0-9]*))?(,(\*|[1-9][0-9]*)(:(\*|[1-9][0-9]*))?)*)$`)

func setFlaw(a []string) *protocol.Flaw {
	const section = "RFC 9051 section 9, sequence-set"
	switch {
	case len(a) == 0:
		return &protocol.Flaw{What: "The message numbers are missing", Section: section, Do: "send no such command when there are no messages"}
	case a[0] == "0":
		return &protocol.Flaw{What: "Message numbers begin at 1", Section: section, Do: "count from 1, and send no such command when there are no messages"}
	case !set.MatchString(a[0]):
		return &protocol.Flaw{What: "\"" + a[0] + "\" isn't a message number or a set of numbers", Section: section,
			Do: "take numbers only from the lines that have them (* SEARCH, * ESEARCH, * n FETCH), and send no such command when there are none"}
	}
	return nil
}

// itemsFlaw finds several items of FETCH without brackets.
func itemsFlaw(a []string) *protocol.Flaw {
	const section = "RFC 9051 section 6.4.5"
	switch {
	case len(a) == 1:
		return &protocol.Flaw{What: "FETCH doesn't say what to fetch", Section: section, Do: "name the items, like (FLAGS UID)"}
	case len(a) > 2 && a[1][0] != '(' && a[2][0] != '(':
		return &protocol.Flaw{What: "Several items aren't in brackets", Section: section, Do: "write them as a list, like (FLAGS BODY.PEEK[])"}
	case strings.Contains(strings.ToUpper(a[1]), "HEADER.FIELDS ") && !strings.Contains(strings.ToUpper(a[1]), "HEADER.FIELDS (") &&
		!strings.Contains(strings.ToUpper(a[1]), "HEADER.FIELDS.NOT ("):
		return &protocol.Flaw{What: "The names behind HEADER.FIELDS aren't in brackets", Section: section, Do: "write them as a list, like BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)]"}
	}
	return nil
}

var (
	date     = lazyregexp.New(`(?i)^"?[0-9]{1,2}-(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-[0-9]{4}"?$`)
	dateKeys = lazyregexp.New(`(?i)^\(*(SENT)?(BEFORE|ON|SINCE)$`)
	textKeys = lazyregexp.New(`(?i)^\(*(FROM|TO|CC|BCC|SUBJECT|BODY|TEXT|KEYWORD|UNKEYWORD)$`)
)

// dateFlaw finds a date in another form than 1-Feb-2026 (RFC 9051 section 9: date).
func dateFlaw(a []string) *protocol.Flaw {
	for i, key := range a[:max(0, len(a)-1)] {
		if i > 0 && textKeys.MatchString(a[i-1]) {
			continue // it is what to look for
		}
		if value := strings.TrimRight(a[i+1], ")"); dateKeys.MatchString(key) && !date.MatchString(value) && !isLiteral(value) {
			return &protocol.Flaw{What: "\"" + strings.Trim(value, `"`) + "\" isn't a date as SEARCH wants it", Section: "RFC 9051 section 9, date",
				Do: "write dates like 1-Feb-2026, with the English name of the month in any locale"}
		}
	}
	return nil
}
