package server_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/testkit/pgserver"
	"github.com/mailrig/mailrig/server"
)

// inDatabase returns the configuration of a server whose mail is in a database of its own server, which the test may crash.
func inDatabase(t testing.TB) (*pgserver.Server, server.Config) {
	t.Helper()
	var db pgserver.Server
	url := db.Database(t)
	t.Cleanup(db.Stop)
	return &db, server.Config{Data: url, HTTP: "127.0.0.1:0"}
}

// script says lines to a server and awaits what the answers begin with.
func (c *client) script(t testing.TB, steps ...string) {
	t.Helper()
	for i := 0; i < len(steps); i += 2 {
		if err := c.say(steps[i], steps[i+1]); err != nil {
			t.Fatal(err)
		}
	}
}

func mailTo(t testing.TB, s *server.Server, user string) {
	t.Helper()
	c := dial(t, s, 25)
	defer c.Close()
	c.script(t, "", "220 ", "EHLO x", "250 ", "MAIL FROM:<a@b.test>", "250 ", "RCPT TO:<"+user+">", "250 ", "DATA", "354 ", "Subject: x\r\n\r\nx\r\n.", "250 ")
}

// TestSharedMail checks that two servers on one database are one rig: mail that one takes is pushed by the other within a
// second, and a maildrop that one has locked is locked for the other.
func TestSharedMail(t *testing.T) {
	t.Parallel()
	_, cfg := inDatabase(t)
	a, b := start(t, cfg), start(t, cfg)
	idle := dial(t, b, 143)
	idle.script(t, "", "* OK", "a LOGIN alice secret", "a OK", "b SELECT INBOX", "b OK", "c IDLE", "+")
	for i := range 5 {
		began := time.Now()
		mailTo(t, a, "alice@example.test")
		idle.script(t, "", fmt.Sprintf("* %d EXISTS", i+1))
		if took := time.Since(began); took > time.Second {
			t.Errorf("told after %v", took)
		}
	}
	idle.script(t, "DONE", "c OK", "d STORE 1 +FLAGS (\\Deleted)", "d OK", "e EXPUNGE", "e OK", "f COPY 1 Trash", "f OK")
	other := dial(t, a, 143)
	other.script(t, "", "* OK", "a LOGIN alice secret", "a OK", "b STATUS INBOX (MESSAGES UIDNEXT)", "* STATUS INBOX (MESSAGES 4 UIDNEXT 6)", "", "b OK", "c STATUS Trash (MESSAGES)", "* STATUS \"Trash\" (MESSAGES 1)", "", "c OK")

	pop := dial(t, a, 110)
	pop.script(t, "", "+OK", "USER alice", "+OK", "PASS secret", "+OK", "STAT", "+OK 4 ")
	second := dial(t, b, 110)
	second.script(t, "", "+OK", "USER alice", "+OK", "PASS secret", "-ERR [IN-USE]")
	pop.script(t, "DELE 1", "+OK", "QUIT", "+OK")
	second.script(t, "USER alice", "+OK", "PASS secret", "+OK", "STAT", "+OK 3 ", "QUIT", "+OK")
}

// TestSharedSeed checks that servers which start together load the seed once.
func TestSharedSeed(t *testing.T) {
	t.Parallel()
	_, cfg := inDatabase(t)
	cfg.SeedDir = t.TempDir()
	dir := filepath.Join(cfg.SeedDir, "u@example.test", "INBOX")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i, ".eml")), []byte("Subject: x\r\n\r\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var group sync.WaitGroup
	servers := make([]*server.Server, 3)
	for i := range servers {
		group.Go(func() { servers[i] = start(t, cfg) })
	}
	group.Wait()
	if list, err := servers[1].MailIn(t.Context(), "u", "INBOX"); err != nil || len(list) != 20 {
		t.Errorf("%d messages, %v; want 20", len(list), err)
	}
	place, n, ok := servers[2].Kept(t.Context())
	if !ok || n != 20 || strings.Contains(place, "secret") || !strings.HasPrefix(place, "postgres://mailrig@127.0.0.1:") {
		t.Errorf("kept: %s, %d, %v", place, n, ok)
	}
}

// TestDatabaseAway checks what clients hear while the database is away: temporary failures, soon. When it is back, all goes on
// by itself, and nothing that was acknowledged is lost.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	db, cfg := inDatabase(t)
	troubles := make(chan string, 10)
	cfg.OnTrouble = func(text string) { troubles <- text }
	s := start(t, cfg)
	ready := func() (int, string) {
		t.Helper()
		resp, err := http.Get(s.HTTPURL() + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(text)
	}
	imap := dial(t, s, 143)
	imap.script(t, "", "* OK", "a LOGIN alice secret", "a OK", "b SELECT INBOX", "b OK")
	mailTo(t, s, "alice@example.test")
	if code, text := ready(); code != 200 {
		t.Errorf("readyz: %d %s", code, text)
	}

	db.Crash(t)
	if code, text := ready(); code != 503 || !strings.Contains(text, "the database can't be asked") {
		t.Errorf("readyz without a database: %d %s", code, text)
	}
	began := time.Now()
	smtp := dial(t, s, 25)
	smtp.script(t, "", "220 ", "EHLO x", "250 ", "MAIL FROM:<a@b.test>", "250 ")
	if err := smtp.say("RCPT TO:<alice@example.test>", "250 "); err == nil {
		smtp.script(t, "DATA", "354 ", "Subject: y\r\n\r\ny\r\n.", "451 ")
	} else if !strings.Contains(err.Error(), `got "4`) {
		t.Error(err)
	}
	pop := dial(t, s, 110)
	pop.script(t, "", "+OK", "USER alice", "+OK", "PASS secret", "-ERR [SYS/TEMP]")
	imap.script(t, "c STATUS Trash (MESSAGES)", "c NO [UNAVAILABLE]")
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the refusals took %v", took)
	}
	select {
	case text := <-troubles:
		if strings.Contains(text, "secret@") || strings.Contains(text, ":secret") || !strings.Contains(text, "goes on by itself") {
			t.Errorf("told: %s", text)
		}
	case <-time.After(hang):
		t.Error("nobody was told")
	}

	db.Start(t)
	for deadline := time.Now().Add(hang); ; time.Sleep(20 * time.Millisecond) {
		if code, text := ready(); code == 200 {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("readyz with the database back: %d %s", code, text)
		}
	}
	mailTo(t, s, "alice@example.test")
	imap.script(t, "d NOOP", "* 2 EXISTS")
	imap.script(t, "", "d OK", "e FETCH 1:* UID", "* 1 FETCH (UID 1)", "", "* 2 FETCH (UID 2)", "", "e OK")
	pop = dial(t, s, 110)
	pop.script(t, "", "+OK", "USER alice", "+OK", "PASS secret", "+OK", "STAT", "+OK 2 ", "QUIT", "+OK")
}
