package gate_test

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
)

// TestGoodbye checks what a client reads when the server stops.
func TestGoodbye(t *testing.T) {
	t.Parallel()
	rules := func(command string, f fault.Fault) []fault.Rule { return []fault.Rule{on(command, f)} }
	for _, tc := range []struct {
		name  string
		o     options
		steps []string              // before the server stops
		until func(event.What) bool // it stops when this has happened
		then  string                // what the client sends after that
		want  string                // what it reads until the end
	}{
		{"SMTP", options{protocol: "smtp", port: 25}, []string{"NOOP\r\n", "250"}, nil, "", "421 4.3.2 mail.example.test Shutting down\r\n"},
		{"SMTP in TLS", options{protocol: "smtp", port: 465, tls: true}, nil, nil, "", "421 4.3.2 mail.example.test Shutting down\r\n"},
		{"IMAP", options{protocol: "imap", port: 143}, []string{"a LOGIN alice secret\r\n", "a OK", "b IDLE\r\n", "+"}, nil, "", "* BYE Shutting down\r\n"},
		{"POP3 in TLS", options{protocol: "pop3", port: 995, tls: true}, nil, nil, "", "-ERR [SYS/TEMP] Shutting down\r\n"},
		{"in the middle of a message", options{protocol: "smtp", port: 25},
			[]string{"HELO x\r\n", "250", "MAIL FROM:<>\r\n", "250", "RCPT TO:<bob@example.test>\r\n", "250", "DATA\r\n", "354", "Subject: x\r\n", ""}, nil,
			strings.Repeat("x\r\n", 30000) + ".\r\n", "421 4.3.2 mail.example.test Shutting down\r\n"},
		{"while a reply is late", options{protocol: "smtp", port: 25, rules: rules("NOOP", &fault.DelayReply{Delay: time.Hour})},
			[]string{"NOOP\r\n", ""}, is[*event.Delayed], "", "421 4.3.2 mail.example.test Shutting down\r\n"},
		{"to whom a scenario says nothing", options{protocol: "smtp", port: 25, rules: rules("NOOP", &fault.EndConnection{How: fault.EndSilence})},
			[]string{"NOOP\r\n", ""}, is[*event.Silenced], "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := script(t, tc.o, tc.steps...)
			if tc.until != nil {
				r.until("what the server stops after is in the record", func(record *event.Record) bool {
					return slices.ContainsFunc(record.Events, func(e event.Event) bool { return tc.until(e.What) })
				})
			}
			r.g.Goodbye()
			go func() {
				_, _ = io.WriteString(r.conn, tc.then)
				r.g.Shutdown()
			}()
			r.conn.SetDeadline(time.Now().Add(hang))
			got, _ := io.ReadAll(r.br)
			<-r.over
			if string(got) != tc.want {
				t.Errorf("read %q, want %q", got, tc.want)
			}
			if e, _, _ := event.First[*event.Ended](r.rec.Record()); e.By != event.EndedByShutdown {
				t.Errorf("ended by %v", e.By)
			}
			if accounts, err := r.store.ListAccounts(t.Context()); slices.Contains(accounts, "bob@example.test") || err != nil {
				t.Errorf("a message was stored that hadn't been acknowledged: %v, %v", accounts, err)
			}
		})
	}
}

func is[T event.What](w event.What) bool {
	_, ok := w.(T)
	return ok
}
