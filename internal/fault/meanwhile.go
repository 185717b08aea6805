package fault

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mailrig/mailrig/internal/protocol"
)

// Meanwhile lets another session change the selected mailbox when a command comes, before the server carries it out.
// The client learns about it when IMAP's rules allow: an EXPUNGE isn't reported during FETCH, STORE or SEARCH (RFC 9051
// section 7.5.1).
type Meanwhile struct {
	Expunge []int `yaml:"expunge" doc:"messages that vanish, by their sequence numbers in this session"`
	Deliver int   `yaml:"deliver" doc:"how many messages arrive, 1 to 1000"`
}

// Kind implements Fault.
func (*Meanwhile) Kind() Kind {
	return Kind{
		Name:    "meanwhile",
		Doc:     "Another session changes the selected mailbox when the command comes.",
		Example: "{expunge: 2}",
		New:     func() Fault { return new(Meanwhile) },
		ForUser: ByCommand,
	}
}

// Validate requires at least one change, within the limits.
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

// Meanwhile implements MeanwhileStage.
func (f *Meanwhile) Meanwhile(m *Meanwhile) {
	m.Expunge = append(m.Expunge, f.Expunge...)
	m.Deliver += f.Deliver
}

// inMailbox lists the commands at which the engine looks for changes by other sessions.
var inMailbox = []string{"NOOP", "CHECK", "IDLE", "FETCH", "UID FETCH", "STORE", "UID STORE", "SEARCH", "UID SEARCH", "COPY", "UID COPY",
	"MOVE", "UID MOVE", "UID EXPUNGE", "EXPUNGE", "STATUS", "LIST", "APPEND"}

// CheckRule requires the command.
func (f *Meanwhile) CheckRule(r *Rule) error {
	for _, c := range r.Match.Command {
		if c != "" && !slices.ContainsFunc(inMailbox, func(k string) bool { return SameCommand(k, c) }) {
			return fmt.Errorf("meanwhile: acts at commands in a selected mailbox, which are %v; %s isn't one", inMailbox, c)
		}
	}
	if len(r.Match.Command) == 0 {
		return errors.New("meanwhile: say at which command, like match: {command: [FETCH, UID FETCH]}")
	}
	return nil
}

// ActsIn implements Spoken.
func (f *Meanwhile) ActsIn(p *protocol.Protocol) bool { return p.Mailboxes }

// Meanwhile returns what another session does to the selected mailbox before the command that Event describes, and the
// scenario that says so. It may be called several times for one command.
func (c *Conn) Meanwhile() (m Meanwhile, by string) {
	if c == nil || c.asked == c.commands {
		return m, ""
	}
	c.asked = c.commands
	by = all(c, func(s MeanwhileStage) { s.Meanwhile(&m) })
	return m, by
}
