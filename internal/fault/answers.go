package fault

import (
	"math"
	"time"
)

// What may be asked of a kind beside its stages. Each is optional.
type (
	// Validator checks the settings, which have just been read, and fills in what
	// was left out. An error that begins with a key and a colon is about that key.
	Validator interface{ Validate() error }

	// ProtocolValidator is a Validator that has to know the protocols.
	ProtocolValidator interface{ ValidateFor(Protocols) error }

	// ReplyReader reads a reply that stands alone, and whose form tells the protocol.
	ReplyReader interface {
		ReadReply(text string, among Protocols) error
	}

	// Checker refuses what can't go together in a rule: conditions that aren't
	// known yet, counters that count nothing.
	Checker interface{ CheckRule(*Rule) error }

	// Explainer says by itself what the fault does, where its kind's sentence would
	// have to speak of all that it could do. The sentence begins in lower case and has
	// no full stop.
	Explainer interface{ Explain() string }

	// Spoken acts in some protocols only; none means all. A rule that meets none of
	// them could never act, and who loads a scenario says so.
	Spoken interface{ Protocols() []string }

	// Waiter makes a client wait so long, or Forever.
	Waiter interface{ Waits() time.Duration }

	// Advertiser lists capabilities that a server may lack.
	Advertiser interface{ Advertised() Lists }

	// Concealer takes capabilities away, and has to name some that a server lists.
	Concealer interface{ Conceals() []string }
)

// Forever is a wait that only the client ends.
const Forever = time.Duration(math.MaxInt64)

// Waits says for how long the rule's fault makes a client wait: not at all, for a
// time, or Forever.
func (r *Rule) Waits() time.Duration {
	if w, ok := r.Fault.(Waiter); ok {
		return w.Waits()
	}
	return 0
}

// Listen says what the rule does to a door as a whole.
func (r *Rule) Listen() ListenMode {
	if s, ok := r.Fault.(ListenStage); ok {
		return s.Listen()
	}
	return ListenOpen
}
