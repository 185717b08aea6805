package fault

import (
	"errors"
	"slices"

	"github.com/mailrig/mailrig/internal/protocol"
)

// Idle changes what IMAP's IDLE does.
type Idle struct{ Mode string }

// Kind implements Fault.
func (*Idle) Kind() Kind {
	return Kind{
		Name:    "idle",
		Doc:     "The server accepts IDLE but reports nothing; the next command does.",
		Example: "mute",
		New:     func() Fault { return new(Idle) },
		ForUser: Always,
	}
}

// IdleModes lists the modes of Idle.
var IdleModes = []string{"mute"}

// UnmarshalText reads a mode.
func (f *Idle) UnmarshalText(b []byte) error {
	if !slices.Contains(IdleModes, string(b)) {
		return &ValueError{Value: string(b), Known: IdleModes}
	}
	f.Mode = string(b)
	return nil
}

// Idle implements IdleStage.
func (f *Idle) Idle() (mute bool) { return f.Mode == "mute" }

// CheckRule refuses any other command.
func (f *Idle) CheckRule(r *Rule) error {
	if slices.ContainsFunc(r.Match.Command, func(c string) bool { return c != "" && !SameCommand(c, "IDLE") }) {
		return errors.New("idle: acts on IDLE; leave out command")
	}
	return nil
}

// ActsIn implements Spoken. IDLE is an IMAP command (RFC 2177).
func (f *Idle) ActsIn(p *protocol.Protocol) bool { return p.Name == "imap" }

// Explain says what IDLE does.
func (f *Idle) Explain() string {
	return "the server accepts IDLE but reports nothing; what has changed comes with the next command"
}
