package smtp

import (
	"strings"

	"github.com/mailrig/mailrig/internal/protocol"
)

// named returns the address or the mechanism that a command names. FROM and TO alone name nothing.
func named(l protocol.Line) (n protocol.Named) {
	line := []byte(l.Verb + " " + l.Args)
	path := func(keyword string, address *string) {
		if p, ok := readPath(line, keyword, true); ok {
			*address, n.Rest = p.address(), p.end < len(line)
			return
		}
		n.Rest = !strings.EqualFold(strings.TrimSuffix(l.Args, ":"), strings.TrimSuffix(keyword, ":"))
	}
	switch l.Verb {
	case "MAIL":
		path("FROM:", &n.Sender)
	case "RCPT":
		path("TO:", &n.Recipient)
	case "AUTH":
		mechanism, rest := protocol.CutWord([]byte(l.Args))
		n.Mechanism, n.Rest = string(mechanism), len(rest) > 0
	default:
		n.Rest = l.Args != ""
	}
	return n
}
