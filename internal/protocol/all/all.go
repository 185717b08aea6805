// Package all lists the protocols that mailrig serves. To serve another one, add its value to Protocols: the doors, the
// findings' facts, the scenarios' lint and the help texts follow from it. It is a package of its own so that package
// protocol needn't import the protocols that import it.
package all

import (
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/imap"
	"github.com/mailrig/mailrig/internal/protocol/pop3"
	"github.com/mailrig/mailrig/internal/protocol/smtp"
)

// Protocols returns these protocols, in the order in which tables show their doors.
func Protocols() []*protocol.Protocol {
	return []*protocol.Protocol{smtp.Protocol, pop3.Protocol, imap.Protocol}
}
