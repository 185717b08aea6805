package server_test

import (
	"strings"
	"testing"

	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// TestSmallerLimitIsTheCause checks whose limit a refused message met: a scenario that allows more than the rig itself
// hasn't acted.
func TestSmallerLimitIsTheCause(t *testing.T) {
	t.Parallel()
	announced := []string{"MAIL FROM:<a@b.test> SIZE=30000", "552 "}
	sent := []string{"MAIL FROM:<a@b.test>", "250 ", "RCPT TO:<alice@example.test>", "250 ", "DATA", "354 ",
		strings.Repeat("x\r\n", 10_000) + ".", "552 "}
	for _, test := range []struct {
		name, limit string
		mail        []string
		acted       bool
	}{
		{"the scenario's, announced", "5000", announced, true},
		{"the scenario's, sent", "5000", sent, true},
		{"the rig's, announced", "20000", announced, false},
		{"the rig's, sent", "20000", sent, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, server.Config{MaxMessageBytes: 10_000, Scenarios: []*scenarios.Scenario{parse(t, "small", "- size-limit: "+test.limit)}})
			c := dial(t, s, 25)
			if err := talk(c, append([]string{"", "220 ", "EHLO x", "250 "}, test.mail...)...); err != nil {
				t.Fatal(err)
			}
			if all := s.Sessions(); len(all) != 1 || (len(all[0].Injected) > 0) != test.acted {
				t.Errorf("%d sessions; injected %q, want some: %v", len(all), all[0].Injected, test.acted)
			}
		})
	}
}
