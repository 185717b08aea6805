package fault

import (
	"fmt"

	"github.com/mailrig/mailrig/internal/protocol"
)

// Protocols are the protocols of a configuration, in the order in which error messages list them.
type Protocols []*protocol.Protocol

// Names lists the protocols' names.
func (ps Protocols) Names() (names []string) {
	for _, p := range ps {
		names = append(names, p.Name)
	}
	return names
}

// Optional interfaces of a protocol's Replies, about a scenario's text.
type (
	// greetingChecker checks a greeting in place of Check.
	greetingChecker interface{ CheckGreeting(text string) error }
	// refusalChecker checks whether a reply refuses a login, in place of Positive.
	refusalChecker interface{ CheckRefusal(text string) error }
	// resembler reports whether a text is meant as a reply of the protocol, valid or not.
	resembler interface{ Resembles(text string) bool }
	// linesChecker checks lines that a scenario adds to what the server says.
	linesChecker interface{ CheckLines(text string) error }
	// lineBeginner reports whether any line from a server can begin with this.
	lineBeginner interface{ BeginsLine(prefix string) bool }
)

func checkReply(p *protocol.Protocol, text string) error {
	if err := p.Replies.Check(text, false); err != nil {
		return err
	}
	return noLiteral(text)
}

func checkGreeting(p *protocol.Protocol, text string) error {
	check := func(text string) error { return p.Replies.Check(text, true) }
	if c, ok := p.Replies.(greetingChecker); ok {
		check = c.CheckGreeting
	}
	if err := check(text); err != nil {
		return err
	}
	return noLiteral(text)
}

func checkLines(p *protocol.Protocol, text string) error {
	if err := checkLiterals(text); err != nil {
		return err
	}
	if c, ok := p.Replies.(linesChecker); ok {
		return c.CheckLines(Literals(crlf(text)))
	}
	return nil
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

// whose returns the protocol of a reply that stands alone. A text that resembles none goes to the first protocol
// that can't tell. That protocol's Check then says what is wrong with it.
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
