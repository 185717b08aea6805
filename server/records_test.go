package server

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

// TestWhatIsRecorded checks that a record says where each message is, and how the connection ended on the wire.
func TestWhatIsRecorded(t *testing.T) {
	t.Parallel()
	s, err := New(Config{PortOffset: "random"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	for _, reset := range []bool{false, true} {
		c, err := net.Dial("tcp", toyAddress(t, s, 25))
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(time.Minute))
		lines := bufio.NewReader(c)
		for _, say := range []string{"", "HELO x", "MAIL FROM:<a@example.test>", "RCPT TO:<b@example.test>", "DATA", "Message-ID: <1@x>\r\n\r\nx\r\n."} {
			if say != "" {
				fmt.Fprint(c, say+"\r\n")
			}
			if line, err := lines.ReadString('\n'); err != nil || line[0] > '3' {
				t.Fatal(say, line, err)
			}
		}
		if reset {
			c.(*net.TCPConn).SetLinger(0)
		}
		c.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	match, err := waited{s}.Language().Parse(Sessions, "ended:yes")
	if err != nil {
		t.Fatal(err)
	}
	if o, err := s.Wait(ctx, Condition{What: Sessions, Match: match, Count: 2}); err != nil || !o.Met {
		t.Fatalf("%+v, %v", o, err)
	}
	var hows []string
	for _, r := range s.journal.Records() {
		for _, e := range r.Events {
			switch w := e.What.(type) {
			case *event.Stored:
				p := w.Places
				if len(p) != 1 || p[0].Account != "b@example.test" || p[0].Mailbox != "INBOX" || p[0].UID == 0 || w.MessageID != "<1@x>" {
					t.Errorf("stored: %+v", w)
				}
			case *event.Ended:
				hows = append(hows, string(w.By)+" "+string(w.How))
			}
		}
	}
	slices.Sort(hows)
	if got := strings.Join(hows, ", "); got != "client fin, client reset" {
		t.Errorf("ended: %s", got)
	}
}
