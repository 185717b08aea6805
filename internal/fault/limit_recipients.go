package fault

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/mailrig/mailrig/internal/protocol"
)

// LimitRecipients limits the number of recipients of one message. Further recipients get 452 4.5.3 (RFC 5321 section
// 4.5.3.1.10).
type LimitRecipients struct{ Max int }

// Kind implements Fault.
func (*LimitRecipients) Kind() Kind {
	return Kind{
		Name:    "limit-recipients",
		Doc:     "A message may have at most this many recipients.",
		Example: "10",
		New:     func() Fault { return new(LimitRecipients) },
		ForUser: Always,
	}
}

// UnmarshalText parses a number.
func (f *LimitRecipients) UnmarshalText(b []byte) error {
	n, err := strconv.Atoi(string(b))
	if err != nil || n < 1 || n > 1000 {
		return fmt.Errorf("%q isn't a number from 1 to 1000", b)
	}
	f.Max = n
	return nil
}

// Limit implements LimitStage.
func (f *LimitRecipients) Limit(l *Limits) { l.Recipients = f.Max }

// CheckRule refuses counters, and conditions that nobody can know yet.
func (f *LimitRecipients) CheckRule(r *Rule) error { return errors.Join(r.early(), r.uncounted()) }

// ActsIn implements Spoken.
func (f *LimitRecipients) ActsIn(p *protocol.Protocol) bool { return p.Envelopes }
