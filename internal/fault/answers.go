package fault

import (
	"math"
	"time"

	"github.com/mailrig/mailrig/internal/protocol"
)

// Optional interfaces of a kind of fault, besides its stages.
type (
	// Validator checks the settings after they have been read, and fills in defaults. An error that begins with a key
	// and a colon is about that key.
	Validator interface{ Validate() error }

	// ProtocolValidator is a Validator that needs to know the protocols.
	ProtocolValidator interface{ ValidateFor(Protocols) error }

	// ReplyReader reads a reply that stands alone in the YAML. The form of the reply tells the protocol.
	ReplyReader interface {
		ReadReply(text string, among Protocols) error
	}

	// Checker refuses rules that can't work: with conditions that nobody can know yet, or counters that count nothing.
	Checker interface{ CheckRule(*Rule) error }

	// Explainer says what the fault does. A kind has it if its one sentence of documentation would have to list
	// everything that it can do. The explanation begins in lower case and has no full stop.
	Explainer interface{ Explain() string }

	// Spoken reports whether the fault acts in a protocol. A rule that matches none of the protocols in which its fault
	// acts could never act, so the loader rejects it.
	Spoken interface{ ActsIn(*protocol.Protocol) bool }

	// Waiter returns how long the fault makes a client wait, or Forever.
	Waiter interface{ Waits() time.Duration }

	// Advertiser lists the capabilities that the fault adds and a server may lack.
	Advertiser interface{ Advertised() Lists }

	// Concealer lists the capabilities that the fault removes. The loader rejects a rule if no server
	// that it matches advertises any of them.
	Concealer interface{ Conceals() []string }
)

// Forever is a wait that only the client can end.
const Forever = time.Duration(math.MaxInt64)

// Waits returns how long the rule's fault makes a client wait: 0, a duration, or Forever.
func (r *Rule) Waits() time.Duration {
	if w, ok := r.Fault.(Waiter); ok {
		return w.Waits()
	}
	return 0
}

// Listen returns what the rule does to a door as a whole.
func (r *Rule) Listen() ListenMode {
	if s, ok := r.Fault.(ListenStage); ok {
		return s.Listen()
	}
	return ListenOpen
}
