package fault

import (
	"errors"
	"fmt"
	"time"

	"github.com/mailrig/mailrig/internal/protocol"
)

// Delivery changes what becomes of a message that the server accepts by SMTP, for each recipient that the rule matches.
// The client hears 250 in any case.
type Delivery struct {
	Lost   bool          `yaml:"lost" doc:"true: the message never arrives"`
	Copies int           `yaml:"copies" doc:"it arrives so many times, 2 to 10"`
	After  time.Duration `yaml:"after" doc:"it arrives this much later, like 30s; at most an hour"`
}

// Kind implements Fault.
func (*Delivery) Kind() Kind {
	return Kind{
		Name:    "delivery",
		Doc:     "The server accepts the message, and it arrives never, several times, or later.",
		Example: "lost",
		New:     func() Fault { return new(Delivery) },
		ForUser: Always,
	}
}

// UnmarshalText parses the word lost.
func (f *Delivery) UnmarshalText(b []byte) error {
	if string(b) != "lost" {
		return &ValueError{Value: string(b), Known: []string{"lost"}}
	}
	f.Lost = true
	return nil
}

// Validate requires one change, within the limits.
func (f *Delivery) Validate() error {
	switch {
	case !f.Lost && f.Copies == 0 && f.After == 0:
		return errors.New("say what becomes of the message: lost, copies or after")
	case f.Lost && (f.Copies != 0 || f.After != 0):
		return errors.New("lost: what is lost arrives neither later nor twice; leave out copies and after")
	case f.Copies != 0 && (f.Copies < 2 || f.Copies > 10):
		return errors.New("copies: give 2 to 10")
	case f.After < 0 || f.After > maxDelay:
		return errors.New("after: give a time of at most an hour, like 30s")
	}
	return nil
}

// Deliver implements DeliveryStage.
func (f *Delivery) Deliver() Fate {
	if f.Lost {
		return Fate{}
	}
	return Fate{Copies: max(1, f.Copies), After: f.After}
}

// Afterwards implements Afterwards.
func (f *Delivery) Afterwards() bool { return true }

// CheckRule refuses a command in the match: the fault acts on messages.
func (f *Delivery) CheckRule(r *Rule) error {
	if len(r.Match.Command) > 0 {
		return errors.New("delivery: acts on accepted messages; leave out command")
	}
	return nil
}

// ActsIn implements Spoken.
func (f *Delivery) ActsIn(p *protocol.Protocol) bool { return p.Envelopes }

// Explain says what becomes of the message.
func (f *Delivery) Explain() string {
	switch {
	case f.Lost:
		return "the server accepts the message, and it never arrives"
	case f.Copies > 1 && f.After > 0:
		return fmt.Sprintf("the server accepts the message, and it arrives %v later, %d times", f.After, f.Copies)
	case f.Copies > 1:
		return fmt.Sprintf("the server accepts the message, and it arrives %d times", f.Copies)
	}
	return fmt.Sprintf("the server accepts the message, and it arrives %v later", f.After)
}

// Fate is what becomes of an accepted message.
type Fate struct {
	Copies int           // how often it arrives; 0: never
	After  time.Duration // how much later
	By     string
}

// Delivers reports whether a rule may change what becomes of messages.
func (c *Conn) Delivers() bool { return has[DeliveryStage](c) }

// Delivery returns what becomes of a message to the recipient. ok is false if it is delivered as usual.
func (c *Conn) Delivery(recipient string) (f Fate, ok bool) {
	if !c.Delivers() {
		return f, false
	}
	before := c.Recipient
	c.Recipient = recipient
	f, f.By = first(c, func(s DeliveryStage) (Fate, bool) {
		return s.Deliver(), true
	})
	c.Recipient = before
	return f, f.By != ""
}
