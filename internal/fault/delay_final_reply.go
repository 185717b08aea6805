package fault

import (
	"time"

	"github.com/mailrig/mailrig/internal/protocol"
)

// DelayFinalReply delays the reply to a message. RFC 5321 section 4.5.3.2.6 asks clients to wait ten minutes for it.
type DelayFinalReply struct{ Delay time.Duration }

// Kind implements Fault.
func (*DelayFinalReply) Kind() Kind {
	return Kind{
		Name:    "delay-final-reply",
		Doc:     "The server waits this long after the last byte of a message before it replies.",
		Example: "5s",
		New:     func() Fault { return new(DelayFinalReply) },
		ForUser: Always,
	}
}

// UnmarshalText parses a duration like 5s.
func (f *DelayFinalReply) UnmarshalText(b []byte) (err error) {
	f.Delay, err = parseDelay(b)
	return err
}

// Final implements FinalStage.
func (f *DelayFinalReply) Final() time.Duration { return f.Delay }

// Afterwards implements Afterwards.
func (f *DelayFinalReply) Afterwards() bool { return true }

// ActsIn implements Spoken.
func (f *DelayFinalReply) ActsIn(p *protocol.Protocol) bool { return p.Uploads() }

// Waits implements Waiter.
func (f *DelayFinalReply) Waits() time.Duration { return f.Delay }

// Final returns how late the reply to a message comes. The message's last byte has arrived.
func (c *Conn) Final() (d time.Duration, by string) {
	by = all(c, func(s FinalStage) { d += s.Final() })
	return d, by
}
