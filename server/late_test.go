package server_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mailrig/mailrig/server"
)

// TestLateReplyIsNotLost checks that a message that has come whole is stored, although its client gives up waiting for
// the reply. Real servers do the same, so that a client which sends again has it twice.
func TestLateReplyIsNotLost(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "late.yaml")
	if err := os.WriteFile(path, []byte("name: late\ntitle: The final reply is late\nstory: It comes after the client's patience.\nrules:\n"+
		"  - match: {protocol: [smtp, imap]}\n    delay-final-reply: 10m\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, dialogue := range map[string]struct {
		port   int
		folder string
		steps  [][2]string
		last   string
	}{
		"DATA":                   {25, "INBOX", [][2]string{{"", "220 "}, {"EHLO x", "250 "}, {"MAIL FROM:<a@b.test>", "250 "}, {"RCPT TO:<alice@example.test>", "250 "}, {"DATA", "354 "}}, "Subject: x\r\n\r\nx\r\n.\r\n"},
		"BDAT":                   {25, "INBOX", [][2]string{{"", "220 "}, {"EHLO x", "250 "}, {"MAIL FROM:<a@b.test>", "250 "}, {"RCPT TO:<alice@example.test>", "250 "}}, "BDAT 3 LAST\r\nx\r\n"},
		"APPEND":                 {143, "Sent", [][2]string{{"", "* OK"}, {"a LOGIN alice@example.test pw", "a OK"}, {"a APPEND Sent {3}", "+"}}, "x\r\n\r\n"},
		"APPEND nothing":         {143, "Sent", [][2]string{{"", "* OK"}, {"a LOGIN alice@example.test pw", "a OK"}, {"a APPEND Sent {0}", "+"}}, "\r\n"},
		"APPEND nothing at once": {143, "Sent", [][2]string{{"", "* OK"}, {"a LOGIN alice@example.test pw", "a OK"}}, "a APPEND Sent {0+}\r\n\r\n"},
		"APPEND twice":           {143, "Sent", [][2]string{{"", "* OK"}, {"a LOGIN alice@example.test pw", "a OK"}}, "a APPEND Sent {3+}\r\nx\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, server.Config{Scenarios: load(t, path)})
			for n := 1; n <= 2; n++ {
				c := dial(t, s, dialogue.port)
				for _, step := range dialogue.steps {
					if err := c.say(step[0], step[1]); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := c.Write([]byte(dialogue.last)); err != nil {
					t.Fatal(err)
				}
				c.Close() // the client's patience is over
				deadline := time.Now().Add(hang)
				for {
					list, err := s.MailIn(t.Context(), "alice@example.test", dialogue.folder)
					if err == nil && len(list) == n {
						break
					}
					if time.Now().After(deadline) {
						t.Fatalf("%d messages after %d attempts, %v", len(list), n, err)
					}
					time.Sleep(5 * time.Millisecond)
				}
			}
		})
	}
}
