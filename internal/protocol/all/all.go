// Package all lists the protocols that the product speaks.
package all

import (
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/imap"
	"github.com/mailrig/mailrig/internal/protocol/pop3"
	"github.com/mailrig/mailrig/internal/protocol/smtp"
)

// Protocols returns the product's protocols, in the order in which tables show their doors.
func Protocols() []*protocol.Protocol {
	return []*protocol.Protocol{smtp.Protocol, pop3.Protocol, imap.Protocol}
}
