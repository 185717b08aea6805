package server_test

import (
	"context"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// bounces returns a scenario in which mail to gone@... bounces after some time.
func bounces(t *testing.T, after string) *scenarios.Scenario {
	t.Helper()
	return parse(t, "bounces", `  - {match: {recipient: "gone@*"}, bounce: {after: `+after+`}}`+"\n")
}

func TestBounceComesLater(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{Scenarios: []*scenarios.Scenario{bounces(t, "10ms")}})
	c := dial(t, s, 25)
	for _, step := range [][2]string{
		{"", "220 "}, {"HELO x", "250 "}, {"MAIL FROM:<alice@example.test>", "250 "}, {"RCPT TO:<gone@example.test>", "250 "},
		{"RCPT TO:<here@example.test>", "250 "}, {"DATA", "354 "}, {"Subject: x\r\nMessage-ID: <1@x>\r\n\r\nbody\r\n.", "250 "},
	} {
		if err := c.say(step[0], step[1]); err != nil {
			t.Fatal(err)
		}
	}
	o := waitFor(t, s, server.Condition{What: server.Messages, Match: []server.Matcher{{Key: "to", Value: "alice@example.test"}}})
	if len(o.Messages) != 1 {
		t.Fatalf("%d reports", len(o.Messages))
	}
	raw, err := o.Messages[0].Raw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, want := range []string{"Content-Type: multipart/report; report-type=delivery-status;", "Final-Recipient: rfc822; gone@example.test", "Action: failed", "Status: 5.1.1", "Message-ID: <1@x>"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\n") || strings.Contains(text, "body") {
		t.Errorf("bare line ends, or the body came along:\n%q", text)
	}
}

// sendFrom sends a message to gone@example.test.
func sendFrom(t *testing.T, s *server.Server, path string) {
	t.Helper()
	c := dial(t, s, 25)
	if err := talk(c, "", "220 ", "HELO x", "250 ", "MAIL FROM:<"+path+">", "250 ", "RCPT TO:<gone@example.test>", "250 ", "DATA", "354 ", "Subject: x\r\n\r\nbody\r\n.", "250 "); err != nil {
		t.Fatal(err)
	}
}

// TestReportNeverBounces checks that nobody gets a report about a message from the null path, and that the transcript
// announces none.
func TestReportNeverBounces(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{Scenarios: []*scenarios.Scenario{bounces(t, "1ms")}})
	sendFrom(t, s, "")
	sendFrom(t, s, "alice@example.test") // its report would come later than one to the null path
	waitFor(t, s, server.Condition{What: server.Messages, Match: []server.Matcher{{Key: "to", Value: "alice@example.test"}}})
	all, err := s.Mail(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.Mailbox != "alice@example.test" && m.Mailbox != "gone@example.test" {
			t.Errorf("mail for %q: %s", m.Mailbox, m.Subject)
		}
	}
	if x, _ := s.Session("1"); strings.Contains(x.Dialogue(), "could not be reached") {
		t.Errorf("a report is announced:\n%s", x.Dialogue())
	}
}

// TestResetForgetsBounces checks that a reset also drops pending reports.
func TestResetForgetsBounces(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{Scenarios: []*scenarios.Scenario{bounces(t, "300ms")}})
	sendFrom(t, s, "alice@example.test")
	if err := s.Reset(); err != nil {
		t.Fatal(err)
	}
	sendFrom(t, s, "bob@example.test") // its report would come later than alice's
	waitFor(t, s, server.Condition{What: server.Messages, Match: []server.Matcher{{Key: "to", Value: "bob@example.test"}}})
	if got, err := s.MailIn(t.Context(), "alice@example.test", "INBOX"); len(got) > 0 || err != nil {
		t.Errorf("%d messages have come after the reset, %v", len(got), err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}
