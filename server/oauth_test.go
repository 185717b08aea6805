package server_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// TestErrorOfATokenIsAcknowledged checks the challenge, the client's answer and the refusal in all three protocols. The
// session must distinguish a right answer from a wrong one, without recording the token.
func TestErrorOfATokenIsAcknowledged(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{Users: []server.User{{Name: "alice", Password: "x"}}, Scenarios: []*scenarios.Scenario{parse(t, "expired", `
  - times: 12
    oauth: {challenge: '{"status":"400"}', smtp: "535 5.7.8 no", imap: "NO [AUTHENTICATIONFAILED] no", pop3: "-ERR [AUTH] no"}
`)}})
	b64 := base64.StdEncoding.EncodeToString
	xoauth2 := func(user string) string { return b64([]byte("user=" + user + "\x01auth=Bearer sesame\x01\x01")) }
	bearer := b64([]byte("n,a=alice@example.test,\x01host=localhost\x01auth=Bearer sesame\x01\x01"))
	status := b64([]byte(`{"status":"400"}`))
	for _, tc := range []struct {
		port  int
		steps []string
		right bool
	}{
		{465, []string{"", "220 ", "EHLO x", "250-AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER", "", "250 ", "AUTH XOAUTH2 " + xoauth2("alice@example.test"), "334 " + status, "", "535 5.7.8 no"}, true},
		{465, []string{"", "220 ", "EHLO x", "250 ", "AUTH OAUTHBEARER " + bearer, "334 " + status, "AQ==", "535 5.7.8 no"}, true},
		{993, []string{"", "* OK", "a AUTHENTICATE XOAUTH2 " + xoauth2("alice@example.test"), "+ " + status, "", "a NO [AUTHENTICATIONFAILED] no"}, true},
		{993, []string{"", "* OK", "a AUTHENTICATE OAUTHBEARER", "+ ", bearer, "+ " + status, "AA==", "a NO [AUTHENTICATIONFAILED] no"}, false},
		{995, []string{"", "+OK", "AUTH XOAUTH2 " + xoauth2("alice@example.test"), "+ " + status, "", "-ERR [AUTH] no"}, true},
		{995, []string{"", "+OK", "AUTH OAUTHBEARER " + bearer, "+ " + status, "c2VzYW1l", "-ERR [AUTH] no"}, false},
		// neomutt sends the byte itself, and Thunderbird its whole command once more.
		{993, []string{"", "* OK", "a AUTHENTICATE OAUTHBEARER " + bearer, "+ " + status, "\x01", "a NO [AUTHENTICATIONFAILED] no"}, true},
		{465, []string{"", "220 ", "EHLO x", "250 ", "AUTH OAUTHBEARER " + bearer, "334 " + status, "\x01", "535 5.7.8 no"}, true},
		{995, []string{"", "+OK", "AUTH OAUTHBEARER " + bearer, "+ " + status, "\x01", "-ERR [AUTH] no"}, true},
		{993, []string{"", "* OK", "a AUTHENTICATE XOAUTH2 " + xoauth2("alice@example.test"), "+ " + status, "a AUTHENTICATE XOAUTH2 " + xoauth2("alice@example.test"), "a NO [AUTHENTICATIONFAILED] no"}, false},
		{993, []string{"", "* OK", "a AUTHENTICATE XOAUTH2 " + xoauth2("alice@example.test"), "+ " + status, strings.Repeat("x", 5000), "a NO [AUTHENTICATIONFAILED] no"}, false},
		{993, []string{"", "* OK", "a AUTHENTICATE XOAUTH2 " + xoauth2("alice@example.test"), "+ " + status, "*", "a BAD AUTHENTICATE cancelled"}, false},
	} {
		c := dial(t, s, tc.port)
		for i := 0; i < len(tc.steps); i += 2 {
			send := tc.steps[i]
			if send == "" && i > 0 && !strings.HasPrefix(tc.steps[i+1], "250 ") {
				if _, err := c.Write([]byte("\r\n")); err != nil { // here an empty line is an answer
					t.Fatal(err)
				}
			}
			if err := c.say(send, tc.steps[i+1]); err != nil {
				t.Fatalf("door %d: %v", tc.port, err)
			}
		}
		c.Close()
	}
	for user, steps := range map[string][]string{ // when the rule is used up
		"alice@example.test": {"a OK"},
		"bob@example.test":   {"+ " + b64([]byte(`{"status":"400","schemes":"Bearer"}`)), "AA==", "a NO"}, // nobody here
	} {
		conn := dial(t, s, 143)
		steps = append([]string{"", "* OK", "a AUTHENTICATE XOAUTH2 " + xoauth2(user)}, steps...)
		if err := talk(conn, steps...); err != nil {
			t.Errorf("when the rule is used up: %v", err)
		}
		conn.Close()
	}
	right, wrong := 0, 0
	for _, session := range s.Sessions() {
		text := session.Dialogue()
		if strings.Contains(text, "sesame") || strings.Contains(text, "c2VzYW1l") || strings.Contains(text, xoauth2("alice@example.test")) {
			t.Errorf("the token is in the record:\n%s", text)
		}
		right += strings.Count(text, "the client acknowledged the error")
		wrong += strings.Count(text, "the client answered the error with something else")
	}
	if right != 7 || wrong != 5 {
		t.Errorf("%d right answers and %d wrong ones, want 7 and 5", right, wrong)
	}
	plain := start(t, server.Config{})
	conn := dial(t, plain, 143)
	if err := talk(conn, "", "* OK", "a AUTHENTICATE XOAUTH2 "+xoauth2("alice@example.test"), "a NO"); err != nil {
		t.Errorf("without the scenario: %v", err)
	}
}
