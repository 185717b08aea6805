package fault

import (
	"errors"
	"fmt"
	"slices"
)

// Meanwhile lets another session change the selected mailbox when a command comes,
// before the server does it. The client learns of it when the rules of IMAP allow: not of
// an EXPUNGE during FETCH, STORE and SEARCH (RFC 9051 section 7.5.1).
type Meanwhile struct {
	Expunge []int `yaml:"expunge" doc:"messages that vanish, by their sequence numbers in this session"`
	Deliver int   `yaml:"deliver" doc:"how many messages arrive, 1 to 1000"`
}

// Validate wants at least one, within bounds.
func (f *Meanwhile) Validate() error {
	switch {
	case len(f.Expunge) == 0 && f.Deliver == 0:
		return errors.New("say what another session does: expunge or deliver")
	case f.Deliver < 0 || f.Deliver > 1000:
		return errors.New("deliver: give 1 to 1000")
	case slices.ContainsFunc(f.Expunge, func(n int) bool { return n < 1 }):
		return errors.New("expunge: the first message is 1")
	}
	return nil
}

func (f *Meanwhile) meanwhile(m *Meanwhile) {
	m.Expunge = append(m.Expunge, f.Expunge...)
	m.Deliver += f.Deliver
}

// inMailbox are the commands at which the engine looks for what others did.
var inMailbox = []string{"NOOP", "CHECK", "IDLE", "FETCH", "UID FETCH", "STORE", "UID STORE", "SEARCH", "UID SEARCH", "COPY", "UID COPY",
	"MOVE", "UID MOVE", "UID EXPUNGE", "EXPUNGE", "STATUS", "LIST", "APPEND"}

// CheckRule wants to know at which command.
func (f *Meanwhile) CheckRule(r *Rule) error {
	for _, c := range r.Match.Command {
		if c != "" && !slices.ContainsFunc(inMailbox, func(k string) bool { return SameCommand(k, c) }) {
			return fmt.Errorf("meanwhile: a selected mailbox is looked at by %v, not by %s", inMailbox, c)
		}
	}
	if len(r.Match.Command) == 0 {
		return errors.New("meanwhile: say at which command, like match: {command: [FETCH, UID FETCH]}")
	}
	return nil
}

// Idle is what becomes of IMAP's IDLE.
type Idle struct{ Mode string }

// IdleModes lists what Idle may say.
var IdleModes = []string{"mute"}

// UnmarshalText reads a mode.
func (f *Idle) UnmarshalText(b []byte) error {
	if !slices.Contains(IdleModes, string(b)) {
		return &ValueError{string(b), IdleModes}
	}
	f.Mode = string(b)
	return nil
}

// Explain says what IDLE does.
func (f *Idle) Explain() string {
	return "IDLE is accepted and tells nothing; what has changed comes with the next command"
}

func (f *Idle) idle() bool { return f.Mode == "mute" }

// CheckRule refuses another command.
func (f *Idle) CheckRule(r *Rule) error {
	if slices.ContainsFunc(r.Match.Command, func(c string) bool { return c != "" && !SameCommand(c, "IDLE") }) {
		return errors.New("idle: acts on IDLE; leave command out")
	}
	return nil
}
