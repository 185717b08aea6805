package gate_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
)

// TestTookInjected checks who is taken to believe an injected reply. A client that goes on inside TLS before the reply
// comes has believed it. A client that waits hasn't. Nor has one that sends two commands at once to a server that
// injects nothing.
func TestTookInjected(t *testing.T) {
	t.Parallel()
	inject := []fault.Rule{{Scenario: "test", Fault: &fault.StartTLS{Texts: fault.Texts{"smtp": "250 AUTH LOGIN INJECTED"}}}}
	for _, tc := range []struct {
		name  string
		rules []fault.Rule
		sent  string // inside TLS, without waiting
		want  bool
	}{
		{"believes it", inject, "EHLO client.example.test\r\nNOOP\r\n", true},
		{"waits for the reply", inject, "EHLO client.example.test\r\n", false},
		{"in a hurry, and nothing injected", nil, "EHLO client.example.test\r\nNOOP\r\n", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, options{protocol: "smtp", port: 25, rules: tc.rules})
			fmt.Fprint(r.conn, "STARTTLS\r\n")
			lines := 2 + len(tc.rules) // greeting, positive reply, injected lines
			for range lines {
				if _, err := r.br.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.startTLS(); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(r.conn, tc.sent); err != nil {
				t.Fatal(err)
			}
			for line := ""; !strings.HasPrefix(line, "250 "); { // the last line of the reply to EHLO
				var err error
				if line, err = r.br.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
			got := false
			for _, e := range r.rec.Record().Events {
				n, ok := e.What.(*event.Noticed)
				got = got || ok && n.Sign == event.TookInjected
			}
			if got != tc.want {
				t.Errorf("taken down: %v, want %v", got, tc.want)
			}
		})
	}
}
