package pop3

import "github.com/mailrig/mailrig/internal/protocol"

// named returns the mechanism that AUTH names.
func named(l protocol.Line) protocol.Named {
	if l.Verb != "AUTH" {
		return protocol.Named{Rest: l.Args != ""}
	}
	mechanism, rest := protocol.CutWord([]byte(l.Args))
	return protocol.Named{Mechanism: string(mechanism), Rest: len(rest) > 0}
}
