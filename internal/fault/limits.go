package fault

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/mailrig/mailrig/internal/identity"
)

// SizeLimit makes the server's own limit smaller: SMTP's SIZE (RFC 1870), IMAP's
// APPENDLIMIT (RFC 7889). Together with hide: [SIZE] the client learns it late.
type SizeLimit struct{ Bytes int64 }

// UnmarshalText reads a number of bytes.
func (f *SizeLimit) UnmarshalText(b []byte) error {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil || n < 1 || n > 1<<31-1 {
		return fmt.Errorf("%q isn't a number of bytes from 1 to %d", b, 1<<31-1)
	}
	f.Bytes = n
	return nil
}

func (f *SizeLimit) limit(l *Limits) {
	if l.MessageBytes == 0 || f.Bytes < l.MessageBytes { // of several, the smallest
		l.MessageBytes = f.Bytes
	}
}

// CheckRule refuses conditions that can't be known yet, and counters.
func (f *SizeLimit) CheckRule(r *Rule) error {
	return errors.Join(checkEarly("size-limit", r), checkUncounted("size-limit", r))
}

// LimitRecipients makes the number of recipients of one message small; the rest
// get 452 4.5.3 (RFC 5321 section 4.5.3.1.10).
type LimitRecipients struct{ Max int }

// UnmarshalText reads a number.
func (f *LimitRecipients) UnmarshalText(b []byte) error {
	n, err := strconv.Atoi(string(b))
	if err != nil || n < 1 || n > 1000 {
		return fmt.Errorf("%q isn't a number from 1 to 1000", b)
	}
	f.Max = n
	return nil
}

func (f *LimitRecipients) limit(l *Limits) {
	if l.Recipients == 0 || f.Max < l.Recipients {
		l.Recipients = f.Max
	}
}

// CheckRule refuses conditions that can't be known yet, and counters.
func (f *LimitRecipients) CheckRule(r *Rule) error {
	return errors.Join(checkEarly("limit-recipients", r), checkUncounted("limit-recipients", r))
}

// BounceLater sends a delivery status notification (RFC 3464) into the sender's
// INBOX, for each recipient of an accepted message that the rule matches.
type BounceLater struct {
	After time.Duration `yaml:"after" doc:"how long after the message was accepted, like 2s; at most an hour"`
	SMTP  string        `yaml:"smtp" doc:"what the recipient's server is to have said; 550 5.1.1 User unknown when left out"`
}

// Validate fills in the usual reply and checks the bounds.
func (f *BounceLater) Validate() error {
	if f.After < 0 || f.After > time.Hour {
		return errors.New("after: give a time of at most an hour, like 2s")
	}
	if f.SMTP == "" {
		f.SMTP = "550 5.1.1 User unknown"
	}
	r, err := identity.ParseSMTP(f.SMTP)
	if err == nil && r.Code < 400 {
		err = fmt.Errorf("smtp: %q isn't a refusal", f.SMTP)
	}
	return err
}

func (f *BounceLater) bounce() Bounce {
	r, _ := identity.ParseSMTP(f.SMTP)
	status := fmt.Sprintf("%d.%d.%d", r.Enhanced[0], r.Enhanced[1], r.Enhanced[2])
	if r.Enhanced == [3]int{} {
		status = fmt.Sprintf("%d.0.0", r.Code/100)
	}
	return Bounce{After: f.After, Status: status, Text: f.SMTP}
}

// CheckRule refuses a command: it acts on messages.
func (f *BounceLater) CheckRule(r *Rule) error {
	if len(r.Match.Command) > 0 {
		return errors.New("bounce: acts on accepted messages; command can't be matched")
	}
	return nil
}
