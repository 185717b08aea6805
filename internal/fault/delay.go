package fault

import (
	"fmt"
	"time"
)

// maxDelay bounds what a scenario may wait: RFC 5321 section 4.5.3.2 lets a
// client wait ten minutes at most; an hour outlasts every client.
const maxDelay = time.Hour

// DelayReply makes the reply to a command late.
type DelayReply struct{ Delay time.Duration }

// UnmarshalText reads a duration like 3s.
func (f *DelayReply) UnmarshalText(b []byte) (err error) {
	f.Delay, err = parseDelay(b)
	return err
}

func (f *DelayReply) command(a *Action, _ *Conn, _ *rule) bool {
	a.Delay = f.Delay
	return true
}

func parseDelay(b []byte) (time.Duration, error) {
	d, err := time.ParseDuration(string(b))
	if err != nil || d <= 0 || d > maxDelay {
		return 0, fmt.Errorf("%q isn't a duration between 1ns and %v, like 500ms, 20s or 5m", b, maxDelay)
	}
	return d, nil
}

// DelayFinalReply makes the reply to a message late: RFC 5321 section 4.5.3.2.6
// wants clients to wait ten minutes for it.
type DelayFinalReply struct{ Delay time.Duration }

// UnmarshalText reads a duration like 5s.
func (f *DelayFinalReply) UnmarshalText(b []byte) (err error) {
	f.Delay, err = parseDelay(b)
	return err
}

func (f *DelayFinalReply) final() time.Duration { return f.Delay }
