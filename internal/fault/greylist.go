package fault

import (
	"errors"
	"strconv"
	"time"

	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/smtp"
)

// Greylist defers a delivery until the same sender, recipient and client try again after a while (RFC 6647). It
// remembers them: what has passed once passes again.
type Greylist struct {
	Wait time.Duration `yaml:"wait" doc:"how long the client must wait, like 5s"`
	SMTP string        `yaml:"smtp" doc:"the reply; 451 4.7.1 Greylisted, … by default"`
}

// Kind implements Fault.
func (*Greylist) Kind() Kind {
	return Kind{
		Name:    "greylist",
		Doc:     "A recipient is accepted only when the same sender and client try again after this time.",
		Example: "{wait: 5s}",
		New:     func() Fault { return new(Greylist) },
		ForUser: ByCommand,
	}
}

// Validate fills in the default reply and checks the limits.
func (f *Greylist) Validate() error {
	if f.Wait < 0 || f.Wait > time.Hour {
		return errors.New("wait: give a time of at most an hour, like 5s")
	}
	if f.SMTP == "" {
		f.SMTP = "451 4.7.1 Greylisted, please try again in " + strconv.Itoa(int(f.Wait.Seconds()+0.999)) + " seconds"
	}
	_, err := smtp.Parse(f.SMTP)
	return err
}

// Command implements CommandStage.
func (f *Greylist) Command(a *Answer, e *Event, n Counts) bool {
	if e.Command != "RCPT" || n.Waited(PerEnvelope, f.Wait) {
		return false
	}
	a.Reply = f.SMTP
	return true
}

// CheckRule refuses settings that the fault decides on its own.
func (f *Greylist) CheckRule(r *Rule) error {
	if len(r.Match.Command) > 0 || r.Skip > 0 || r.Times > 0 || r.Per != PerScenario {
		return errors.New("greylist: acts on RCPT and counts by itself; leave out command, skip, times and per")
	}
	return nil
}

// ActsIn implements Spoken. The reply is one of SMTP.
func (f *Greylist) ActsIn(p *protocol.Protocol) bool { return p.Name == "smtp" }

// Waits implements Waiter.
func (f *Greylist) Waits() time.Duration { return f.Wait }
