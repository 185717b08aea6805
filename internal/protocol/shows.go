package protocol

import (
	"strings"

	"github.com/mailrig/mailrig/internal/event"
)

// This file has the usual values of Word.Shows.

// HideAll shows no arguments, because the command has none, or any text.
func HideAll(string) string { return event.Mask }

// ShowName shows the command's only argument: a name. A client may put its password behind it.
func ShowName(args string) string {
	return ShowWords(args, func(i int, word string) (string, bool) {
		if name, _, more := strings.Cut(word, ":"); i == 0 && more && !strings.HasPrefix(word, "[") { // user:password; not [IPv6:…]
			return name + ":" + event.Mask, true
		}
		return word, i == 0
	})
}

// ShowNumbers shows arguments that are numbers.
func ShowNumbers(args string) string {
	return ShowWords(args, func(_ int, word string) (string, bool) {
		return word, strings.Trim(word, "0123456789") == ""
	})
}

// ShowWords shows the arguments for which show returns true, in the form that it returns. i counts the arguments. Those
// that aren't shown and stand together have one mask, so that nobody can count them.
func ShowWords(args string, show func(i int, word string) (string, bool)) string {
	var out strings.Builder
	hidden, i, changed := false, 0, false
	for rest := args; rest != ""; {
		gap := len(rest) - len(strings.TrimLeft(rest, " \t"))
		end := gap + wordEnd(rest[gap:])
		word := rest[gap:end]
		text, ok := show(i, word)
		i++
		switch {
		case word == "": // spaces at the end
			out.WriteString(rest)
		case ok:
			changed = changed || text != word
			out.WriteString(rest[:gap] + text)
			hidden = false
		case !hidden:
			out.WriteString(rest[:gap] + event.Mask)
			hidden, changed = true, true
		}
		rest = rest[end:]
		if word == "" {
			break
		}
	}
	if !changed {
		return args
	}
	return out.String()
}
