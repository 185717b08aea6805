package protocol

import (
	"cmp"
	"slices"
)

// Purpose returns what clients use the protocol for, in the words of a settings screen.
func (p *Protocol) Purpose() string {
	if p.Receives {
		return "Incoming mail (" + p.Title + ")"
	}
	return "Outgoing mail (" + p.Title + ")"
}

// Uploads reports whether clients send messages with the protocol.
func (p *Protocol) Uploads() bool {
	return slices.ContainsFunc(p.Words, func(w Word) bool { return w.Mail })
}

// Ranked returns the protocols with those for sending first. Protocols with the same purpose are ordered by rank.
func Ranked(list []*Protocol) []*Protocol {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *Protocol) int {
		switch {
		case a.Receives == b.Receives:
			return cmp.Compare(a.Rank, b.Rank)
		case b.Receives:
			return -1
		}
		return 1
	})
	return list
}
