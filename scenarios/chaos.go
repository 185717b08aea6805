package scenarios

import (
	"fmt"

	"github.com/mailrig/mailrig/internal/fault"
)

// chaos is what Chaos makes of a chance: temporary failures that a client should meet in good spirits, at every stage of
// every protocol.
const chaos = `
name: chaos
title: Now and then something fails for the time being
story: >-
  At every stage, in every protocol, something fails now and then: a
  connection is reset, a login, a sender, a recipient, a message, a folder or
  a FETCH is refused for the time being, or a reply is slow. A good client
  tries again later, and loses and doubles nothing.
rules:
  - {chance: %[1]s, connect: reset}
  - {chance: %[1]s, login: temporary-failure}
  - {chance: %[1]s, match: {protocol: smtp, command: [MAIL, RCPT]}, reply: "451 4.3.0 Temporary failure, try again later"}
  - {chance: %[1]s, match: {protocol: smtp, command: [DATA, BDAT]}, replace-reply: "451 4.3.0 Temporary failure, try again later"}
  - {chance: %[1]s, match: {protocol: imap, command: [SELECT, EXAMINE, APPEND, FETCH, UID FETCH]}, reply: "NO [UNAVAILABLE] Temporary failure, try again later"}
  - {chance: %[1]s, match: {protocol: pop3, command: [LIST, UIDL, RETR]}, reply: "-ERR [SYS/TEMP] Temporary failure, try again later"}
  - {chance: %[1]s, match: {command: [NOOP, FETCH, UID FETCH, RCPT, RETR]}, delay-reply: 2s}
expect:
  mail: once
`

// Chaos returns a scenario in which anything fails now and then, each with this chance, such as 5%. Whether it does
// depends on the rig's random seed.
func Chaos(chance string) (*Scenario, error) {
	var c fault.Chance
	if err := c.UnmarshalText([]byte(chance)); err != nil {
		return nil, err
	}
	return Parse("chaos.yaml", fmt.Appendf(nil, chaos, c))
}
