package identity

import (
	"fmt"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// Refusal is the reason why a login fails, with the reply in each protocol.
type Refusal struct {
	// Reason says why. It is "" if Replies says everything.
	Reason protocol.Reason
	// Replies are a scenario's words, by the protocol's name. nil means the protocol's usual words.
	Replies map[string]string

	// Injected names the scenario that refused the login. It is "" if the authority did.
	Injected string

	// Token says what is wrong with the token of the login; "" if it isn't the token, or there is none.
	Token TokenState
	// Foreign says that the token may be good for an issuer that nobody can ask.
	Foreign bool
	// Known is what the token's issuer knows of it; nil: nothing.
	Known *event.TokenUse
	// Challenge is the error that a client with a token sees first. The client must answer it, and then sees the reply.
	// Answered, which may be nil, is told whether the client answered as its mechanism requires.
	Challenge string
	Answered  func(right bool)
}

// Reply returns the reply in a protocol's words. If the protocol has no words for the reason, it returns those for a
// wrong password. It returns "" only for a protocol without any refusals.
func (r *Refusal) Reply(p *protocol.Protocol) string {
	if text := r.Replies[p.Name]; text != "" {
		return text
	}
	if text := p.Refusals[r.Reason]; text != "" {
		return text
	}
	return p.Refusals[protocol.WrongPassword]
}

// Error makes a Refusal an error. The adapters translate it into their protocol's words.
func (r *Refusal) Error() string {
	if r.Injected != "" {
		return fmt.Sprintf("login refused by the scenario %s", r.Injected)
	}
	return fmt.Sprintf("login refused: %s", r.Reason)
}
