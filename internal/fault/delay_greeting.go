package fault

import "time"

// DelayGreeting delays the greeting.
type DelayGreeting struct{ Delay time.Duration }

// Kind implements Fault.
func (*DelayGreeting) Kind() Kind {
	return Kind{
		Name:    "delay-greeting",
		Doc:     "The server waits this long before it greets.",
		Example: "20s",
		New:     func() Fault { return new(DelayGreeting) },
	}
}

// UnmarshalText parses a duration like 20s.
func (f *DelayGreeting) UnmarshalText(b []byte) (err error) {
	f.Delay, err = parseDelay(b)
	return err
}

// Greet implements GreetStage.
func (f *DelayGreeting) Greet(g *Greet, _ string) bool {
	g.Delay = f.Delay
	return true
}

// CheckRule refuses conditions that nobody can know yet.
func (f *DelayGreeting) CheckRule(r *Rule) error { return r.early() }

// Waits implements Waiter.
func (f *DelayGreeting) Waits() time.Duration { return f.Delay }
