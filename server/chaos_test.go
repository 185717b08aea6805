package server_test

import (
	"net/textproto"
	"slices"
	"testing"

	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// TestChaos has commands fail, as a client of Mailpit's API asks. The dialogues were recorded of Mailpit.
func TestChaos(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0", Mailpit: &server.Mailpit{SMTP: "127.0.0.1:0", Chaos: true}})
	a := newAPI(t, s)
	say := func(lines ...string) (replies []string) {
		t.Helper()
		c, err := textproto.Dial("tcp", s.MailpitSMTP())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, _, err := c.ReadResponse(220); err != nil {
			t.Fatal(err)
		}
		for _, line := range append([]string{"EHLO client.example"}, lines...) {
			if err := c.PrintfLine("%s", line); err != nil {
				t.Fatal(err)
			}
			code, text, err := c.ReadResponse(0)
			if code == 0 {
				t.Fatal(line, err)
			}
			if code >= 400 {
				replies = append(replies, line+": "+text)
			}
			if code == 421 {
				break // the last reply of a connection (RFC 5321 section 3.8)
			}
		}
		return replies
	}
	const login, from, to = "AUTH PLAIN AGFsaWNlAHNlY3JldA==", "MAIL FROM:<alice@example.com>", "RCPT TO:<bob@example.com>"
	for triggers, want := range map[string]string{
		`{"Sender":{"ErrorCode":421,"Probability":100}}`:    from + ": Chaos sender error",
		`{"Recipient":{"ErrorCode":550,"Probability":100}}`: to + ": Chaos recipient error",
		`{"Authentication":{"Probability":100}}`:            login + ": Chaos authentication error",
		`{}`:                                                "",
	} {
		a.do(200, "PUT", "/api/v1/chaos", "", triggers)
		if got := append(say(login, from, to), "")[0]; got != want {
			t.Errorf("%s: %q, want %q", triggers, got, want)
		}
	}

	// Chaos is one of the active scenarios. Greylisting would refuse RCPT, which isn't sent.
	greylisting, err := scenarios.Find("greylisting")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Use(greylisting); err != nil {
		t.Fatal(err)
	}
	a.do(200, "PUT", "/api/v1/chaos", "", `{"Sender":{"Probability":50}}`)
	if got := s.Active(); !slices.Equal(got, []string{"greylisting", "mailpit-chaos"}) {
		t.Errorf("active: %v", got)
	}
	failed := 0
	for range 64 {
		failed += len(say(from))
	}
	if failed == 0 || failed == 64 { // each has a chance of 2^-64
		t.Errorf("%d of 64 failed", failed)
	}
	if _, err := s.Use(); err != nil {
		t.Fatal(err)
	}
	if _, body := a.do(200, "GET", "/api/v1/chaos", "", ""); body != `{"Sender":{"ErrorCode":451,"Probability":0},"Recipient":{"ErrorCode":451,"Probability":0},"Authentication":{"ErrorCode":535,"Probability":0}}`+"\n" {
		t.Errorf("after all scenarios were switched off: %s", body)
	}
}
