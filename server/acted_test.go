package server

import (
	"fmt"
	"slices"
	"testing"

	"github.com/mailrig/mailrig/internal/event"
)

// TestActsAreRecorded checks that the record says which rule acted, with which kind of fault. This leaves nothing in
// the dialogue and doesn't separate the lines of a reply.
func TestActsAreRecorded(t *testing.T) {
	t.Parallel()
	s := startToy(t, `- {match: {protocol: toy, command: BYE}, end: close}
- {match: {protocol: smtp, command: EHLO}, edit-reply: {find: '250', put: '250'}}
- {match: {protocol: smtp, command: MAIL}, times: 1, delay-reply: 1ms}
`)
	c := dialToy(t, s, 25)
	c.lines.ReadString('\n')
	for _, line := range []string{"EHLO client.test", "MAIL FROM:<a@b.test>", "RSET", "MAIL FROM:<a@b.test>", "QUIT"} {
		fmt.Fprint(c, line+"\r\n")
		for {
			got, err := c.lines.ReadString('\n')
			if err != nil || len(got) < 4 {
				t.Fatalf("%s: %q, %v", line, got, err)
			}
			if got[3] == ' ' {
				break
			}
		}
	}
	x := ended(t, s, "smtp")
	r, ok := s.journal.Get(x.ID)
	if !ok {
		t.Fatal("the session isn't in the journal")
	}
	var got []string
	replies := 0
	for _, e := range r.Events {
		switch w := e.What.(type) {
		case *event.Acted:
			got = append(got, fmt.Sprintf("%s %d %s %s", e.By, w.Rule, w.Kind, w.Command))
		case *event.Reply:
			replies++
		}
	}
	if want := []string{"toy 1 edit-reply EHLO", "toy 2 delay-reply MAIL"}; !slices.Equal(got, want) {
		t.Errorf("acts %q, want %q", got, want)
	}
	if replies != 6 { // the greeting's and those of five commands
		t.Errorf("%d replies, want 6:\n%s", replies, x.Dialogue())
	}
	if len(x.Units) != 6+5+1 { // a delay is shown, an act isn't
		t.Errorf("%d units:\n%s", len(x.Units), x.Dialogue())
	}
}
