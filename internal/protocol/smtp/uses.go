package smtp

import (
	"strings"

	"github.com/mailrig/mailrig/internal/protocol"
)

// parameters maps MAIL's parameters to the capability that must be advertised for them (RFC 6152, RFC 3030, RFC 6531).
var parameters = map[string]string{"BODY=8BITMIME": "8BITMIME", "BODY=BINARYMIME": "BINARYMIME", "SMTPUTF8": "SMTPUTF8"}

// uses names the extensions that a command uses (RFC 5321 section 2.2.1). A client may try VRFY, EXPN and HELP even if
// they aren't advertised.
func uses(l protocol.Line) (all [][]string) {
	switch l.Verb {
	case "BDAT":
		all = append(all, []string{"CHUNKING"})
	case "MAIL":
		for _, p := range strings.Fields(strings.ToUpper(l.Args)) {
			if name := parameters[p]; name != "" {
				all = append(all, []string{name})
			}
			if strings.HasPrefix(p, "SIZE=") { // RFC 1870
				all = append(all, []string{"SIZE"})
			}
		}
	}
	return all
}
