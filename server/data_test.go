package server_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/server"
)

// TestDataIsExact sends messages of the bytes that matter, in pieces, and reads them back. RFC 5321 sections 4.1.1.4
// and 4.5.2: CR LF . CR LF ends a message, behind another CR too; one leading dot is taken away, and nothing else.
func TestDataIsExact(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{})
	c := dial(t, s, 25)
	for _, step := range [][2]string{{"", "220 "}, {"EHLO x", "250 "}} {
		if err := c.say(step[0], step[1]); err != nil {
			t.Fatal(err)
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	bodies := []string{"\r\n", "a\r\r\n", "a\r\n\rx\r\n", "\r\n\r\r\n", ".\r\n", "a\r\r\n.b\r\n", "a\n.b\r.\r\n", "\x00.\r\n.\xff\r\n",
		strings.Repeat(strings.Repeat("x", 70)+"\r\n..\r\n", 8000)}
	for range 200 {
		b := make([]byte, rnd.IntN(60))
		for i := range b {
			b[i] = "\r\n..ab"[rnd.IntN(6)]
		}
		bodies = append(bodies, string(b)+"\r\n")
	}
	for i, body := range bodies {
		user := fmt.Sprintf("u%d@example.test", i)
		for _, step := range [][2]string{{"MAIL FROM:<a@b.test>", "250 "}, {"RCPT TO:<" + user + ">", "250 "}, {"DATA", "354 "}} {
			if err := c.say(step[0], step[1]); err != nil {
				t.Fatal(err)
			}
		}
		wire := []byte(strings.TrimPrefix(strings.ReplaceAll("\r\n"+body, "\r\n.", "\r\n.."), "\r\n") + ".\r\n")
		for len(wire) > 0 {
			n := min(len(wire), 1+rnd.IntN(len(wire)))
			if _, err := c.Write(wire[:n]); err != nil {
				t.Fatal(err)
			}
			wire = wire[n:]
		}
		if err := c.say("", "250 "); err != nil {
			t.Fatalf("%.100q: %v", body, err)
		}
		list, err := s.MailIn(t.Context(), user, "INBOX")
		if err != nil || len(list) != 1 {
			t.Fatalf("%.100q: %d messages, %v", body, len(list), err)
		}
		raw, err := list[0].Raw(t.Context())
		if err != nil || !bytes.HasSuffix(raw, []byte("\r\n"+body)) {
			t.Fatalf("sent %.100q, kept %.300q, %v", body, raw, err)
		}
	}
}

// TestDataTooLarge checks that what is beyond the limit is discarded to its end, and the next command is heard.
func TestDataTooLarge(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{MaxMessageBytes: 10_000})
	c := dial(t, s, 25)
	if err := c.say("", "220 "); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, step := range [][2]string{{"EHLO x", "250 "}, {"MAIL FROM:<a@b.test>", "250 "}, {"RCPT TO:<alice@example.test>", "250 "}, {"DATA", "354 "},
			{strings.Repeat("..x\r\n", 5000) + ".", "552 "}, {"NOOP", "250 "}} {
			if err := c.say(step[0], step[1]); err != nil {
				t.Fatal(err)
			}
		}
	}
}
