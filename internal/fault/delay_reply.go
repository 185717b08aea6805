package fault

import "time"

// DelayReply delays the reply to a command.
type DelayReply struct{ Delay time.Duration }

// Kind implements Fault.
func (*DelayReply) Kind() Kind {
	return Kind{
		Name:    "delay-reply",
		Doc:     "The server waits this long before it replies to the command.",
		Example: "3s",
		New:     func() Fault { return new(DelayReply) },
		ForUser: ByCommand,
	}
}

// UnmarshalText parses a duration like 3s.
func (f *DelayReply) UnmarshalText(b []byte) (err error) {
	f.Delay, err = parseDelay(b)
	return err
}

// Pause implements PauseStage.
func (f *DelayReply) Pause() time.Duration { return f.Delay }

// Waits implements Waiter.
func (f *DelayReply) Waits() time.Duration { return f.Delay }
