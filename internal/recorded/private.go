package recorded

import (
	"net/netip"
	"regexp"
	"strings"
	"unicode"
)

var (
	address = regexp.MustCompile(`[^\s<>()\[\]"',:;@]+@[^\s<>()\[\]"',:;@]+`)
	// number matches what may be an address of a network; netip decides.
	number = regexp.MustCompile(`[0-9A-Fa-f]*[.:][0-9A-Fa-f.:]*[0-9A-Fa-f]`)
)

// least is how long something private must be: anything shorter occurs in any text.
const least = 3

// clean replaces what must not go into the file: what the caller names, mail addresses, addresses of hosts. It leaves
// out what can't be printed.
func (w *writer) clean(text string) string {
	for _, secret := range w.server.Private {
		if len(secret) >= least {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
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
