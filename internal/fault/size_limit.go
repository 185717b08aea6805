package fault

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/mailrig/mailrig/internal/protocol"
)

// SizeLimit lowers the server's own limit: SMTP's SIZE (RFC 1870), IMAP's APPENDLIMIT (RFC 7889). Together with hide:
// [SIZE], the client learns about it late.
type SizeLimit struct{ Bytes int64 }

// Kind implements Fault.
func (*SizeLimit) Kind() Kind {
	return Kind{
		Name:    "size-limit",
		Doc:     "The server's size limit for messages is this many bytes.",
		Example: "100000",
		New:     func() Fault { return new(SizeLimit) },
		ForUser: Always,
	}
}

// UnmarshalText parses a number of bytes.
func (f *SizeLimit) UnmarshalText(b []byte) error {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil || n < 1 || n > 1<<31-1 {
		return fmt.Errorf("%q isn't a number of bytes from 1 to %d", b, 1<<31-1)
	}
	f.Bytes = n
	return nil
}

// Explain says how large messages may be, with a comma after every third digit.
func (f *SizeLimit) Explain() string {
	digits := strconv.FormatInt(f.Bytes, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return "the size limit is " + digits + " bytes"
}

// Limit implements LimitStage.
func (f *SizeLimit) Limit(l *Limits) { l.MessageBytes = f.Bytes }

// CheckRule refuses counters, and conditions that nobody can know yet.
func (f *SizeLimit) CheckRule(r *Rule) error { return errors.Join(r.early(), r.uncounted()) }

// ActsIn implements Spoken.
func (f *SizeLimit) ActsIn(p *protocol.Protocol) bool { return p.Uploads() }
