package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/server"
)

// fillUp delivers megabytes to carol until nothing more fits.
func fillUp(t *testing.T, s *server.Server) {
	t.Helper()
	for range 100 {
		if err := s.Deliver("carol", []byte("Subject: x\r\n\r\n"+strings.Repeat("x", 1<<20)), time.Time{}); err != nil {
			if !errors.Is(err, store.ErrFull) {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("100 MB fit into 64 MiB")
}

// TestFull: a full rig says so in each protocol's words, serves its clients on, and has room again when they have
// removed mail.
func TestFull(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{MaxMemory: server.LeastMemory})
	big := strings.Repeat(strings.Repeat("y", 70)+"\r\n", 15_000)
	smtp, imap := dial(t, s, 25), dial(t, s, 143)
	if err := talk(imap, "", "* OK", "a LOGIN carol x", "a OK"); err != nil {
		t.Fatal(err)
	}
	fillUp(t, s)
	if err := talk(smtp, "", "220 ", "EHLO x", "250 ", "MAIL FROM:<a@b>", "250 ", "RCPT TO:<carol>", "250 ", "RCPT TO:<dave>", "250 ",
		"DATA", "354 ", big+".", "452 4.3.1 ", "NOOP", "250 ",
		"MAIL FROM:<a@b>", "250 ", "RCPT TO:<carol>", "250 ", fmt.Sprintf("BDAT %d LAST\r\n%s", len(big), big[:len(big)-2]), "452 4.3.1 ", "NOOP", "250 "); err != nil {
		t.Error(err)
	}
	if err := talk(imap, fmt.Sprintf("a APPEND INBOX {%d+}\r\n%s", len(big), big), "a NO [LIMIT] ",
		"a SELECT INBOX", "a OK", "a COPY 1 Trash", "a ", "a MOVE 1 Trash", "a OK", "a STORE 1 +FLAGS (\\Deleted)", "a OK", "a EXPUNGE", "a OK"); err != nil {
		t.Error(err)
	}
	if mail, err := s.MailIn(context.Background(), "dave", "INBOX"); err != nil || len(mail) > 0 {
		t.Errorf("dave got %d messages that were refused for carol, %v", len(mail), err)
	}
	if err := talk(smtp, "MAIL FROM:<a@b>", "250 ", "RCPT TO:<dave>", "250 ", "DATA", "354 ", big[:72*5000]+"\r\n.", "250 "); err != nil {
		t.Errorf("after an EXPUNGE: %v", err)
	}
	for i := 0; ; i++ { // until no account fits either
		if err := s.Deliver(fmt.Sprintf("user%d", i), []byte("x"), time.Time{}); errors.Is(err, store.ErrFull) {
			break
		} else if err != nil || i == 100_000 {
			t.Fatalf("user %d: %v", i, err)
		}
	}
	if err := talk(dial(t, s, 110), "", "+OK", "USER newcomer", "+OK", "PASS x", "-ERR [SYS/TEMP] "); err != nil {
		t.Error(err)
	}
}

// TestEvict: the oldest mail of the largest account makes room, and a client that looks at it hears of it.
func TestEvict(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{MaxMemory: server.LeastMemory, WhenFull: server.Evict})
	if err := s.Deliver("alice", []byte("Subject: the oldest of all\r\n\r\n"), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if err := s.Deliver("carol", []byte("Subject: x\r\n\r\n"+strings.Repeat("x", 1<<20)), time.Unix(int64(1000+i), 0)); err != nil {
			t.Fatal(err)
		}
	}
	imap := dial(t, s, 143)
	if err := talk(imap, "", "* OK", "a LOGIN carol x", "a OK", "a SELECT INBOX", "a OK", "a IDLE", "+ "); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if err := s.Deliver("carol", []byte("Subject: x\r\n\r\n"+strings.Repeat("x", 1<<20)), time.Unix(int64(2000+i), 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := imap.say("", "* 1 EXPUNGE"); err != nil {
		t.Error(err)
	}
	if mail, err := s.MailIn(context.Background(), "alice", "INBOX"); err != nil || len(mail) != 1 {
		t.Errorf("the small account has %d messages left, %v", len(mail), err)
	}
	if mail, err := s.MailIn(context.Background(), "carol", "INBOX"); err != nil || len(mail) < 10 || mail[0].UID == 1 || mail[len(mail)-1].UID != 20 {
		t.Errorf("the large account has %d messages left, %v", len(mail), err)
	}
}
