package imap

import (
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// named returns the mailbox or the mechanism that a command names.
func named(l protocol.Line) (n protocol.Named) {
	n.Rest = l.Args != ""
	if word, _ := words.Find(l.Verb); word.Login {
		first, rest := protocol.CutWord([]byte(l.Args))
		if word.Secret == event.SecretResponse {
			return protocol.Named{Mechanism: string(first), Rest: len(rest) > 0}
		}
		return n
	}
	if boxes := mailboxesOf(l.Verb, []byte(l.Args), ""); len(boxes) > 0 {
		_, rest := cutString([]byte(l.Args))
		return protocol.Named{Mailbox: boxes[0], Rest: len(rest) > 0}
	}
	return n
}
