// Package door opens the doors.
//
// A door is one standard mail port with its one correct behaviour. Its standard number identifies it in scenarios,
// reports and variables, wherever it really listens: [Offset] decides that, [Listen] opens all doors or none, and a
// [Listener] hands out the connections of one door, IPv4 and IPv6 together.
//
// A door can be closed to new clients in two ways, without a firewall and without privileges ([Mode]). With Refuse,
// connect() fails at once with ECONNREFUSED, and the port stays reserved. With Drop, connect() really times out,
// because no SYN is answered. On Linux, neither loses a client that had connected before the switch: Accept still hands
// it out. socket_linux.go says how this is done, and socket_other.go what other systems can do.
//
// The server assembles a [Set] at start-up, gives each listener's connections to gates, and switches modes when
// scenarios change. The table consists of the protocols' own doors: to add one, add a row to its protocol's Doors.
//
// Names are those of the IANA service registry. The doors' security follows RFC 8314 (implicit TLS), RFC 6409
// (submission), RFC 3207 and RFC 2595.
package door

import (
	"fmt"

	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

// Protocol is the mail protocol that a door speaks.
type Protocol string

// The protocols.
const (
	SMTP Protocol = "smtp"
	IMAP Protocol = "imap"
	POP3 Protocol = "pop3"
)

// Security is what a correct door does about TLS.
type Security = protocol.Security

// The three kinds of security.
const (
	STARTTLS         = protocol.STARTTLS
	STARTTLSRequired = protocol.STARTTLSRequired
	TLS              = protocol.TLS
)

// Door is one row of the table: a standard port and its correct behaviour. Its JSON is that of GET /api/v1/doors.
type Door struct {
	Port     int      `json:"port"`     // the standard number, which identifies the door
	Service  string   `json:"service"`  // IANA service name (2525 has none: smtp-alt)
	Protocol Protocol `json:"protocol"` // smtp, imap or pop3
	Security Security `json:"security"` // "starttls", "starttls-required" or "tls"
	Login    bool     `json:"-"`        // the door accepts mail only after a login (RFC 6409, RFC 8314 section 3.3)
	Address  string   `json:"address"`  // where a client on this machine reaches it, host:port; "" for a row that isn't open
	// Addresses are all on which it really listens, 0.0.0.0 and :: among them.
	Addresses []string `json:"addresses,omitempty"`
}

// String returns the door's name for people: "port 25 (smtp)".
func (d Door) String() string { return fmt.Sprintf("port %d (%s)", d.Port, d.Service) }

// Of returns the doors of these protocols, in the order in which tables show them.
func Of(protocols []*protocol.Protocol) (doors []Door) {
	for _, p := range protocols {
		for _, d := range p.Doors {
			doors = append(doors, Door{Port: d.Port, Service: d.Service, Protocol: Protocol(p.Name), Security: d.Security, Login: d.Login})
		}
	}
	return doors
}

// All returns mailrig's own doors.
func All() []Door { return Of(all.Protocols()) }
