package fault

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/protocol"
)

// CutMessage ends the connection in the middle of a message, or between the message and its reply.
type CutMessage struct {
	In    Place `yaml:"in" doc:"upload (a message that the client sends, the default), download (one that the server sends), reply (the server stores the message and never replies)" enum:"upload,download,reply"`
	After int64 `yaml:"after" doc:"how many bytes of the message go through first, 0 or more"`
	How   End   `yaml:"how" doc:"reset (RST, the default), close (FIN), truncate (FIN without TLS's close_notify), silence or vanish" enum:"reset,close,truncate,silence,vanish"`
}

// Kind implements Fault.
func (*CutMessage) Kind() Kind {
	return Kind{
		Name:    "cut",
		Doc:     "The connection is cut in the middle of a message, or before its reply.",
		Example: "{after: 1000, how: reset}",
		New:     func() Fault { return new(CutMessage) },
		ForUser: Always,
	}
}

// Validate checks the limits.
func (f *CutMessage) Validate() error {
	if f.After < 0 {
		return errors.New("after: can't be negative")
	}
	if f.In == InReply && f.After > 0 {
		return errors.New("after: has no meaning with in: reply")
	}
	if !slices.Contains([]End{EndNone, EndReset, EndClose, EndTruncate, EndSilence, EndVanish}, f.How) {
		return fmt.Errorf("how: %q isn't one of [reset close truncate silence vanish]", f.How)
	}
	if !slices.Contains([]Place{"", InUpload, InDownload, InReply}, f.In) {
		return fmt.Errorf("in: %q isn't one of [upload download reply]", f.In)
	}
	return nil
}

// Body implements BodyStage.
func (f *CutMessage) Body(in Place) (Cut, bool) {
	mine := f.In
	if mine == "" {
		mine = InUpload
	}
	if mine != in {
		return Cut{}, false
	}
	return Cut{After: f.After, End: f.how()}, true
}

func (f *CutMessage) how() End {
	if f.How == EndNone {
		return EndReset
	}
	return f.How
}

// Afterwards implements Afterwards.
func (f *CutMessage) Afterwards() bool { return f.In == InReply }

// ActsIn implements Spoken. Not every protocol has both directions.
func (f *CutMessage) ActsIn(p *protocol.Protocol) bool {
	if f.In == InDownload {
		return p.Receives
	}
	return p.Uploads()
}

// Vanishes implements Vanisher.
func (f *CutMessage) Vanishes() bool { return f.How == EndVanish }

// Waits implements Waiter.
func (f *CutMessage) Waits() time.Duration { return f.How.waits() }

// Explain says where and how the connection is cut.
func (f *CutMessage) Explain() string {
	switch f.In {
	case InReply:
		return "the message is stored, and instead of the reply the connection is " + f.how().words()
	case InDownload:
		return fmt.Sprintf("after %d bytes of a message that the server sends, the connection is %s", f.After, f.how().words())
	}
	return fmt.Sprintf("after %d bytes of a message that the client sends, the connection is %s", f.After, f.how().words())
}

// Cut returns where to cut the message that is about to pass this place, or that has passed it.
func (c *Conn) Cut(in Place) Cut {
	cut, by := first(c, func(s BodyStage) (Cut, bool) { return s.Body(in) })
	cut.By = by
	return cut
}
