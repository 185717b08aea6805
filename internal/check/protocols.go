package check

import (
	"strings"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

// dialects are the protocols that a check can speak.
var dialects = map[door.Protocol]dialect{door.SMTP: smtpDialect{}, door.IMAP: imapDialect{}, door.POP3: pop3Dialect{}}

func speak(p door.Protocol) dialect { return dialects[p] }

// about returns what is known about a protocol, or nil if mailrig doesn't serve it.
func about(name string) *protocol.Protocol { return protocol.Find(all.Protocols(), name) }

// receives reports whether clients fetch mail by a protocol.
func receives(p door.Protocol) bool { return about(string(p)).Receives }

// protocols returns the protocols in the order in which settings screens show them.
func protocols() (list []door.Protocol) {
	var sending []door.Protocol
	for _, p := range protocol.Ranked(all.Protocols()) {
		if p.Receives {
			list = append(list, door.Protocol(p.Name))
		} else {
			sending = append(sending, door.Protocol(p.Name))
		}
	}
	return append(list, sending...)
}

// receiving returns the protocols for receiving, the preferred one first.
func receiving() (list []door.Protocol) {
	for _, p := range protocols() {
		if receives(p) {
			list = append(list, p)
		}
	}
	return list
}

// protocolName returns the protocol's name for people.
func protocolName(s string) string {
	switch p := about(s); {
	case p != nil:
		return p.Title
	case s == "http":
		return "HTTP, the language of web servers"
	case s == "ssh", s == "tls":
		return strings.ToUpper(s)
	default:
		return "something else"
	}
}

// preferred returns the ports of a protocol in the order in which a client should try them. For receiving, TLS from the
// first byte comes first (RFC 8314 section 3); for sending, STARTTLS does. Doors that aren't suggested come last. 25 is
// the very last, because networks block it.
func preferred(p door.Protocol) (ports []int) {
	of := about(string(p))
	ports = []int{of.Door(of.Receives), of.Door(!of.Receives)}
	for i := len(of.Doors) - 1; i >= 0; i-- {
		if d := of.Doors[i]; !d.Suggest {
			ports = append(ports, d.Port)
		}
	}
	return ports
}
