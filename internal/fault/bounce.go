package fault

import (
	"errors"
	"fmt"
	"time"

	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/smtp"
)

// BounceLater sends a delivery status notification (RFC 3464) to the sender's INBOX, for each recipient of an accepted
// message that the rule matches.
type BounceLater struct {
	After time.Duration `yaml:"after" doc:"how long after the message was accepted, like 2s; at most an hour"`
	SMTP  string        `yaml:"smtp" doc:"what the report says that the recipient's server answered; 550 5.1.1 User unknown by default"`
}

// Kind implements Fault.
func (*BounceLater) Kind() Kind {
	return Kind{
		Name:    "bounce",
		Doc:     "The message is accepted and stored, and a report that it could not be delivered follows into the sender's INBOX.",
		Example: "{after: 2s}",
		New:     func() Fault { return new(BounceLater) },
		ForUser: Always,
	}
}

// Validate fills in the default reply and checks the limits.
func (f *BounceLater) Validate() error {
	if f.After < 0 || f.After > time.Hour {
		return errors.New("after: give a time of at most an hour, like 2s")
	}
	if f.SMTP == "" {
		f.SMTP = "550 5.1.1 User unknown"
	}
	r, err := smtp.Parse(f.SMTP)
	if err == nil && r.Code < 400 {
		err = fmt.Errorf("smtp: %q isn't a refusal", f.SMTP)
	}
	return err
}

// Bounce implements BounceStage.
func (f *BounceLater) Bounce() Bounce {
	r, _ := smtp.Parse(f.SMTP)
	status := fmt.Sprintf("%d.%d.%d", r.Enhanced[0], r.Enhanced[1], r.Enhanced[2])
	if r.Enhanced == [3]int{} {
		status = fmt.Sprintf("%d.0.0", r.Code/100)
	}
	return Bounce{After: f.After, Status: status, Text: f.SMTP}
}

// CheckRule refuses a command in the match: the fault acts on messages.
func (f *BounceLater) CheckRule(r *Rule) error {
	if len(r.Match.Command) > 0 {
		return errors.New("bounce: acts on accepted messages; leave out command")
	}
	return nil
}

// Afterwards implements Afterwards.
func (f *BounceLater) Afterwards() bool { return true }

// ActsIn implements Spoken. The recipient's server must have said something in SMTP.
func (f *BounceLater) ActsIn(p *protocol.Protocol) bool { return p.Name == "smtp" }

// Waits implements Waiter. The report comes this late.
func (f *BounceLater) Waits() time.Duration { return f.After }

// Bounce reports whether a message that was just accepted for the recipient bounces later, and how.
func (c *Conn) Bounce(recipient string) (b Bounce, ok bool) {
	if c == nil {
		return b, false
	}
	before := c.Recipient
	c.Recipient = recipient
	b, by := first(c, func(s BounceStage) (Bounce, bool) {
		ok = true
		return s.Bounce(), true
	})
	c.Recipient = before
	b.By = by
	return b, ok
}
