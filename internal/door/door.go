// Package door opens the doors.
//
// A door is one standard mail port with its one correct behaviour. Its standard
// number is its identity in scenarios, reports and variables, wherever it really
// listens: [Offset] decides that, [Listen] opens all doors or none, and a
// [Listener] hands out the connections of one door, IPv4 and IPv6 merged.
//
// A door can be closed to new clients in two ways, without a firewall and
// without privileges ([Mode]): Refuse, so that connect() fails at once with
// ECONNREFUSED while the port stays reserved, and Drop, so that connect() times
// out for real because no SYN is answered. On Linux neither loses a client that
// had connected before the switch: it is still handed out by Accept. How it is
// done is in socket_linux.go; socket_other.go says what other systems can do.
//
// The server assembles a [Set] at start-up, gives each listener to a gate and
// switches modes when scenarios change. The table is made of the
// protocols' own doors: to add one, add a row to its protocol's Doors.
//
// Names are those of the IANA service registry; the doors' security follows
// RFC 8314 (implicit TLS), RFC 6409 (submission), RFC 3207, RFC 2595.
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

// Security is what a door does about TLS when it behaves correctly.
type Security = protocol.Security

// The three kinds of security.
const (
	STARTTLS         = protocol.STARTTLS
	STARTTLSRequired = protocol.STARTTLSRequired
	TLS              = protocol.TLS
)

// Door is one row of the table: a standard port and its correct behaviour. JSON shows
// it as GET /api/v1/doors does.
type Door struct {
	Port     int      `json:"port"`     // standard number, the door's identity
	Service  string   `json:"service"`  // IANA service name (2525 has none: smtp-alt)
	Protocol Protocol `json:"protocol"` // smtp, imap or pop3
	Security Security `json:"security"` // starttls, starttls-required or tls
	Login    bool     `json:"-"`        // mail is taken only from who has logged in (RFC 6409, RFC 8314 section 3.3)
	Address  string   `json:"address"`  // where it really listens, host:port; "" for a row that isn't open
}

// String names the door for a person: "port 25 (smtp)".
func (d Door) String() string { return fmt.Sprintf("port %d (%s)", d.Port, d.Service) }

// Of returns the doors of protocols, in the order in which tables show them.
func Of(protocols []*protocol.Protocol) (doors []Door) {
	for _, p := range protocols {
		for _, d := range p.Doors {
			doors = append(doors, Door{Port: d.Port, Service: d.Service, Protocol: Protocol(p.Name), Security: d.Security, Login: d.Login})
		}
	}
	return doors
}

// All returns the product's doors.
func All() []Door { return Of(all.Protocols()) }

// Lookup finds a door by its standard number.
func Lookup(port int) (Door, bool) {
	for _, d := range All() {
		if d.Port == port {
			return d, true
		}
	}
	return Door{}, false
}
