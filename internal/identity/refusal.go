package identity

import (
	"fmt"

	"github.com/mailrig/mailrig/internal/protocol"
)

// Refusal is why a login fails.
type Refusal struct {
	// Reason says why. It is "" where only Replies do.
	Reason protocol.Reason
	// Replies are a scenario's own words, by the protocol's name; nil for the usual ones.
	Replies map[string]string

	// Injected names the scenario that refused, "" when the account list did.
	Injected string

	// Challenge is what a client that logs in with a token hears first. It answers that,
	// and then hears the reply. Answered, which may be nil, learns whether the client
	// answered as its mechanism demands.
	Challenge string
	Answered  func(right bool)
}

// Reply returns the reply in a protocol's words. A refusal that has none there is
// worded like a wrong password. "" comes only from a protocol that knows no refusals.
func (r *Refusal) Reply(p *protocol.Protocol) string {
	if text := r.Replies[p.Name]; text != "" {
		return text
	}
	if text := p.Refusals[r.Reason]; text != "" {
		return text
	}
	return p.Refusals[protocol.WrongPassword]
}

// Error makes a Refusal an error, which the adapters put into their protocol's words.
func (r *Refusal) Error() string {
	if r.Injected != "" {
		return fmt.Sprintf("login refused by the scenario %s", r.Injected)
	}
	return fmt.Sprintf("login refused: %s", r.Reason)
}
