package pop3

import (
	"strconv"
	"strings"

	"github.com/mailrig/mailrig/internal/protocol"
)

// flaw finds message numbers that are none (RFC 1939 section 5).
func flaw(l protocol.Line) *protocol.Flaw {
	words := strings.Fields(l.Args)
	number := func(at int) bool { n, err := strconv.ParseUint(words[at], 10, 64); return err == nil && n > 0 }
	switch l.Verb {
	case "RETR", "DELE":
		if len(words) != 1 || !number(0) {
			return &protocol.Flaw{What: l.Verb + " needs one message number", Section: "RFC 1939 section 5", Do: "send " + l.Verb + " with a number from LIST or UIDL: unique ids aren't numbers"}
		}
	case "TOP":
		if len(words) != 2 || !number(0) {
			return &protocol.Flaw{What: "TOP needs a message number and a number of lines", Section: "RFC 1939 section 7", Do: "send both, like TOP 1 0"}
		}
	case "LIST", "UIDL":
		if len(words) > 1 || len(words) == 1 && !number(0) {
			return &protocol.Flaw{What: "What follows " + l.Verb + " isn't a message number", Section: "RFC 1939 sections 5 and 7", Do: "send a number, or nothing"}
		}
	}
	return nil
}
