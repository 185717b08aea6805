package fault

import (
	"errors"
	"slices"
	"time"
)

// EndConnection ends the connection without a reply when a command comes.
type EndConnection struct{ How End }

// Kind implements Fault.
func (*EndConnection) Kind() Kind {
	return Kind{
		Name:    "end",
		Doc:     "The connection ends when the client sends the command, without a reply.",
		Example: "reset",
		New:     func() Fault { return new(EndConnection) },
		ForUser: ByCommand,
	}
}

// Ends lists the ways in which EndConnection may end it.
var Ends = []string{string(EndClose), string(EndReset), string(EndTruncate), string(EndSilence), string(EndVanish)}

// UnmarshalText parses one of Ends.
func (f *EndConnection) UnmarshalText(b []byte) error {
	if !slices.Contains(Ends, string(b)) {
		return &ValueError{Value: string(b), Known: Ends}
	}
	f.How = End(b)
	return nil
}

// Command implements CommandStage.
func (f *EndConnection) Command(a *Answer, _ *Event, _ Counts) bool {
	a.End = f.How
	return true
}

// CheckRule requires the command at which the connection ends.
func (f *EndConnection) CheckRule(r *Rule) error {
	if len(r.Match.Command) == 0 {
		return errors.New("end: say at which command, like match: {command: RCPT}; before any command, connect: close or reset does it")
	}
	return nil
}

// Vanishes implements Vanisher.
func (f *EndConnection) Vanishes() bool { return f.How == EndVanish }

// Waits implements Waiter.
func (f *EndConnection) Waits() time.Duration { return f.How.waits() }

// Explain says how the connection ends.
func (f *EndConnection) Explain() string {
	return "without a reply, the connection is " + f.How.words()
}

// words says how a connection ends.
func (e End) words() string {
	return map[End]string{
		EndClose: "closed", EndReset: "reset", EndTruncate: "closed without TLS's close_notify", EndSilence: "left open, and nothing is ever said again",
		EndVanish: "dead: nothing comes through any more, in either direction, and nobody is told",
	}[e]
}
