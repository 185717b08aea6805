package recorded

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

var (
	address = regexp.MustCompile(`[^\s<>()\[\]"',:;@]+@[^\s<>()\[\]"',:;@]+`)
	// number matches what may be an address of a network; netip decides.
	number = regexp.MustCompile(`[0-9A-Fa-f]*[.:][0-9A-Fa-f.:]*[0-9A-Fa-f]`)
)

// hidden stands in the place of what is private.
const hidden = "***"

// least is how long something private must be: anything shorter occurs in any text.
const least = 3

// placeholders takes the meaning from what a scenario's texts would expand.
var placeholders = strings.NewReplacer("{tag}", "(tag)", "{literal}", "(literal)", "{end}", "(end)")

// clean replaces what must not go into the file: what the caller names, the local parts of addresses among that, all mail
// addresses, and addresses of hosts. It leaves out what can't be printed.
func (w *writer) clean(text string) string {
	for _, secret := range w.server.Private {
		if len(secret) >= least {
			text = strings.ReplaceAll(text, secret, hidden)
			text = replaceWord(text, secret, nil)
		}
	}
	for _, name := range w.server.Names {
		if !strings.Contains(name, "@") { // the rest of an address is hidden with all addresses
			text = replaceName(text, name)
		}
	}
	for _, name := range slices.Concat(w.server.Private, w.server.Names) {
		if local, _, address := strings.Cut(name, "@"); address {
			text = replaceName(text, local)
		}
	}
	text = placeholders.Replace(text)
	text = address.ReplaceAllString(text, "user@example.test")
	text = number.ReplaceAllStringFunc(text, func(s string) string {
		a, err := netip.ParseAddr(s)
		switch {
		case err != nil:
			return s
		case a.Is4():
			return "192.0.2.1" // RFC 5737
		}
		return "2001:db8::1" // RFC 3849
	})
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
}

// replaceName hides a name of a user or a client. Somebody may be called like a word of the protocol, so that a word of
// capital letters stays where the protocol's words are: at the beginning, inside brackets, and among others of capital
// letters.
func replaceName(text, name string) string {
	if len(name) < least {
		return text
	}
	return replaceWord(text, name, func(from, to int) bool {
		if word := text[from:to]; word != strings.ToUpper(word) {
			return false
		}
		inside := strings.LastIndexByte(text[:from], '[') > strings.LastIndexByte(text[:from], ']')
		return from == 0 || inside || text == strings.ToUpper(text)
	})
}

// replaceWord hides a word that may be written in other cases, except where it stays. A user may be called like a part
// of a capability, so that parts of words stay.
func replaceWord(text, word string, stays func(from, to int) bool) string {
	expr := regexp.MustCompile(`(?i)` + regexp.QuoteMeta(word))
	part := func(s string) bool {
		return s != "" && (unicode.IsLetter(rune(s[0])) || unicode.IsDigit(rune(s[0])))
	}
	var b strings.Builder
	from := 0
	for _, at := range expr.FindAllStringIndex(text, -1) {
		if part(text[max(0, at[0]-1):at[0]]) || part(text[at[1]:]) || stays != nil && stays(at[0], at[1]) {
			continue
		}
		b.WriteString(text[from:at[0]] + hidden)
		from = at[1]
	}
	return b.String() + text[from:]
}
