package fault

import (
	"errors"
	"time"

	"github.com/mailrig/mailrig/internal/protocol"
)

// RateLimit refuses a command that comes too often. It counts real commands in a sliding window. "per" counts
// separately for each user, client, connection or envelope.
type RateLimit struct {
	Max    int           `yaml:"max" doc:"how many may come within the time, 0 or more"`
	Within time.Duration `yaml:"within" doc:"the time, like 1m"`
	Texts  `smtp:"the SMTP reply; 421 4.7.0 … by default" imap:"the IMAP status; NO [LIMIT] … when left out" pop3:"the POP3 status; -ERR [SYS/TEMP] … when left out"`
}

// Kind implements Fault.
func (*RateLimit) Kind() Kind {
	return Kind{
		Name:    "rate-limit",
		Doc:     "The server refuses the command once it has come this often within the time.",
		Example: "{max: 3, within: 1m}",
		New:     func() Fault { return new(RateLimit) },
		ForUser: ByCommand,
		Counts:  true,
	}
}

// ValidateFor fills in the default replies and checks the limits.
func (f *RateLimit) ValidateFor(among Protocols) error {
	if f.Max < 0 || f.Max > 100_000 {
		return errors.New("max: give 0 to 100000")
	}
	if f.Within <= 0 || f.Within > 24*time.Hour {
		return errors.New("within: give a time of at most a day, like 1m")
	}
	fillIn(&f.Texts, usual(protocol.TooOften, among))
	return checkReplies(f.Texts, among)
}

// Command implements CommandStage.
func (f *RateLimit) Command(a *Answer, e *Event, n Counts) bool {
	text := f.For(e.Protocol)
	if text == "" || n.Allow(f.Max, f.Within) {
		return false
	}
	a.Reply = text
	return true
}

// CheckRule requires the command to count.
func (f *RateLimit) CheckRule(r *Rule) error {
	if len(r.Match.Command) == 0 {
		return errors.New("rate-limit: say which command it counts, like match: {command: MAIL}")
	}
	if r.Skip > 0 || r.Times > 0 {
		return errors.New("rate-limit: counts by itself; leave out skip and times")
	}
	return nil
}

// ActsIn implements Spoken: missing replies are filled in.
func (f *RateLimit) ActsIn(*protocol.Protocol) bool { return true }

// Waits implements Waiter. After this time the command works again.
func (f *RateLimit) Waits() time.Duration { return f.Within }
