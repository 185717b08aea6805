package fault

import (
	"fmt"
	"slices"

	"github.com/mailrig/mailrig/internal/protocol"
)

// Protocols are those of a configuration, in the order in which messages list them.
type Protocols []*protocol.Protocol

// Names lists the protocols' names.
func (ps Protocols) Names() (names []string) {
	for _, p := range ps {
		names = append(names, p.Name)
	}
	return names
}

// Sort puts names in the protocols' order.
func (ps Protocols) Sort(names []string) {
	all := ps.Names()
	slices.SortFunc(names, func(a, b string) int { return slices.Index(all, a) - slices.Index(all, b) })
}

// What a protocol's Replies may say of a scenario's text beyond their Check.
type (
	// greetingChecker checks a greeting in another way.
	greetingChecker interface{ CheckGreeting(text string) error }
	// refusalChecker checks, in another way than Positive, whether a reply refuses a login.
	refusalChecker interface{ CheckRefusal(text string) error }
	// resembler reports whether a text is meant as a reply of the protocol, right or wrong.
	resembler interface{ Resembles(text string) bool }
)

func checkReply(p *protocol.Protocol, text string) error { return p.Replies.Check(text, false) }

func checkGreeting(p *protocol.Protocol, text string) error {
	if c, ok := p.Replies.(greetingChecker); ok {
		return c.CheckGreeting(text)
	}
	return p.Replies.Check(text, true)
}

func checkRefusal(p *protocol.Protocol, text string) error {
	if c, ok := p.Replies.(refusalChecker); ok {
		return c.CheckRefusal(text)
	}
	if p.Replies.Positive(text) {
		return fmt.Errorf("%s: %q wouldn't refuse the login", p.Name, text)
	}
	return nil
}

// whose finds the protocol of a reply that stands alone. A text that is like none is given
// to the first protocol that can't tell, whose Check then says what is wrong with it.
func (ps Protocols) whose(text string) *protocol.Protocol {
	var last *protocol.Protocol
	for _, p := range ps {
		r, ok := p.Replies.(resembler)
		switch {
		case ok && r.Resembles(text), !ok && checkReply(p, text) == nil:
			return p
		case !ok && last == nil:
			last = p
		}
	}
	return last
}
