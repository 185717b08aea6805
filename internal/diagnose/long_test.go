package diagnose

import (
	"fmt"
	"slices"
	"testing"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

// counting counts the lines that a protocol must read.
type counting struct {
	protocol.Replies
	lines *int
}

func (c counting) Verdict(tag string, lines []string, greeting bool) event.Verdict {
	*c.lines += len(lines)
	return c.Replies.Verdict(tag, lines, greeting)
}

func (c counting) List(verb string, lines []string) ([]string, bool) {
	*c.lines += len(lines)
	return c.Replies.List(verb, lines)
}

// TestLongReplyIsReadOnce checks a reply that comes in as many pieces as it has messages. Each line is read a few
// times, rather than once for every piece that follows.
func TestLongReplyIsReadOnce(t *testing.T) {
	const pieces = 2000
	lines := 0
	var protocols []*protocol.Protocol
	for _, p := range all.Protocols() {
		same := *p
		same.Replies = counting{p.Replies, &lines}
		protocols = append(protocols, &same)
	}
	r := &event.Record{Protocol: "imap"}
	add := func(w event.What) { r.Events = append(r.Events, event.Event{What: w}) }
	add(&event.Command{Verb: "FETCH", Tag: "a"})
	for i := range pieces {
		add(&event.Reply{Text: fmt.Sprintf("* %d FETCH (FLAGS ())", i+1)})
		add(&event.Body{From: event.Server, Bytes: 1})
	}
	add(&event.Reply{Text: "a OK [CAPABILITY IMAP4rev1] done"})
	f := (&Table{Protocols: protocols}).Extract(r)
	if len(f.Steps) != 1 || len(f.Steps[0].Reply.Lines) != pieces+1 || f.Steps[0].Reply.Class != event.OK {
		t.Fatalf("%d steps: %+v", len(f.Steps), f.Steps[0].Reply.Verdict)
	}
	if l := f.Listed[false]; l == nil || !slices.Contains(l.Names, "IMAP4REV1") {
		t.Errorf("the capabilities in the last line are %+v", l)
	}
	if lines > 5*pieces {
		t.Errorf("%d lines were read to understand %d", lines, pieces)
	}
}
