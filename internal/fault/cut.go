package fault

import (
	"errors"
	"fmt"
	"slices"
)

// CutMessage ends the connection in the middle of a message, or between the
// message and its reply.
type CutMessage struct {
	In    Place `yaml:"in" doc:"upload (a message that the client sends, the default), download (one that the server sends), reply (the message is stored, its reply never comes)" enum:"upload,download,reply"`
	After int64 `yaml:"after" doc:"how many bytes of the message go through before, 0 or more"`
	How   End   `yaml:"how" doc:"reset (RST, the default), close (FIN), truncate (FIN without TLS's close_notify) or silence" enum:"reset,close,truncate,silence"`
}

// Validate checks the bounds.
func (f *CutMessage) Validate() error {
	if f.After < 0 {
		return errors.New("after: can't be negative")
	}
	if f.In == InReply && f.After > 0 {
		return errors.New("after: has no meaning with in: reply")
	}
	if !slices.Contains([]End{EndNone, EndReset, EndClose, EndTruncate, EndSilence}, f.How) {
		return fmt.Errorf("how: %q isn't one of [reset close truncate silence]", f.How)
	}
	if !slices.Contains([]Place{"", InUpload, InDownload, InReply}, f.In) {
		return fmt.Errorf("in: %q isn't one of [upload download reply]", f.In)
	}
	return nil
}

func (f *CutMessage) body(in Place) (Cut, bool) {
	mine := f.In
	if mine == "" {
		mine = InUpload
	}
	if mine != in {
		return Cut{}, false
	}
	c := Cut{After: f.After, End: f.How}
	if c.End == EndNone {
		c.End = EndReset
	}
	return c, true
}

// EndConnection ends the connection when a command comes, without a reply.
type EndConnection struct{ How End }

// Ends lists how EndConnection may end.
var Ends = []string{string(EndClose), string(EndReset), string(EndTruncate), string(EndSilence)}

// UnmarshalText reads how.
func (f *EndConnection) UnmarshalText(b []byte) error {
	if !slices.Contains(Ends, string(b)) {
		return &ValueError{string(b), Ends}
	}
	f.How = End(b)
	return nil
}

func (f *EndConnection) command(a *Action, _ *Conn, _ *rule) bool {
	a.End = f.How
	return true
}

// CheckRule wants to know at which command.
func (f *EndConnection) CheckRule(r *Rule) error {
	if len(r.Match.Command) == 0 {
		return errors.New("end: say at which command, like match: {command: RCPT}; before any command, connect: close or reset does it")
	}
	return nil
}
