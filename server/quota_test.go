package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/server"
)

// TestQuota fills accounts in every way in which a client can.
func TestQuota(t *testing.T) {
	t.Parallel()
	seeds := t.TempDir()
	letter := "Subject: x\r\n\r\n" + strings.Repeat("x", 2035) + "\r\n" // 2 KiB and a byte
	inbox := filepath.Join(seeds, "seeded@example.test", "INBOX")
	if err := os.MkdirAll(inbox, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(inbox, "1.eml"), []byte(letter), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, server.Config{HTTP: "127.0.0.1:0", SeedDir: seeds, Quota: server.Quota{Each: 1 << 20, Of: map[string]int64{"small": 3000, "seeded": 1024, "free@example.test": 0}}})

	must := func(c *client, steps ...string) {
		t.Helper()
		if err := talk(c, steps...); err != nil {
			t.Error(err)
		}
	}
	t.Run("SMTP", func(t *testing.T) {
		c := dial(t, s, 25)
		must(c, "", "220 ", "EHLO client.example.test", "250 ", "MAIL FROM:<a@example.test>", "250 ",
			"RCPT TO:<seeded@example.test>", "452 4.2.2 ", "RCPT TO:<small@example.test>", "250 ", "RCPT TO:<free@example.test>", "250 ",
			"DATA", "354 ", letter+".", "250 ",
			"MAIL FROM:<a@example.test>", "250 ", "RCPT TO:<small@example.test>", "250 ", "RCPT TO:<free@example.test>", "250 ",
			"DATA", "354 ", letter+".", "452 4.2.2 ",
			"MAIL FROM:<a@example.test>", "250 ", "RCPT TO:<free@example.test>", "250 ", "DATA", "354 ", letter+".", "250 ")
		for user, want := range map[string]int{"small": 1, "free": 2, "seeded": 1} {
			if mail, err := s.MailIn(t.Context(), user, "INBOX"); err != nil || len(mail) != want {
				t.Errorf("%s has %d messages (%v), not %d", user, len(mail), err, want)
			}
		}
	})
	t.Run("IMAP", func(t *testing.T) {
		c := dial(t, s, 993)
		must(c, "", "* OK ", "a LOGIN small secret", "a OK ", "b CAPABILITY", "* CAPABILITY ")
		must(c, "", "b OK ",
			"c GETQUOTAROOT INBOX", `* QUOTAROOT "INBOX" ""`, "", `* QUOTA "" (STORAGE 3 3)`, "", "c OK ",
			`d GETQUOTAROOT "Entw&APw-rfe \"x\""`, `* QUOTAROOT "Entw&APw-rfe \"x\"" ""`, "", `* QUOTA "" (`, "", "d OK ",
			`e GETQUOTA ""`, `* QUOTA "" (STORAGE 3 3)`, "", "e OK ",
			"f GETQUOTA other", "f NO [NONEXISTENT] ", "g GETQUOTA", "g BAD ", `h SETQUOTA "" (STORAGE 512)`, "h NO [NOPERM] ",
			"i SELECT INBOX", "i OK ", "j COPY 1 Trash", "j NO [OVERQUOTA] ", "k APPEND Sent {1000+}\r\n"+strings.Repeat("x", 1000), "k NO [OVERQUOTA] ",
			"l MOVE 1 Trash", "l OK ", "m APPEND Sent {300+}\r\n"+strings.Repeat("x", 300), "m OK ")
		free := dial(t, s, 993)
		must(free, "", "* OK ", "a LOGIN free secret", "a OK ", `b GETQUOTA ""`, `* QUOTA "" ()`, "", "b OK ", "c SELECT INBOX", "c OK ", "d COPY 1:* INBOX", "d OK ")
	})
	t.Run("HTTP", func(t *testing.T) {
		r, err := http.Post(s.HTTPURL()+"/api/v1/mail", "application/json",
			strings.NewReader(`{"from": "a@example.test", "to": ["seeded@example.test"], "subject": "x", "text": "x"}`))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if r.StatusCode != http.StatusInsufficientStorage {
			t.Errorf("a message for an account that is full is answered with %s", r.Status)
		}
	})
	if err := s.Deliver("seeded", []byte(letter), time.Now()); err == nil {
		t.Error("Deliver goes over the quota")
	}
}

// TestNoQuota checks that a rig without quotas says so.
func TestNoQuota(t *testing.T) {
	t.Parallel()
	c := dial(t, start(t, server.Config{}), 993)
	if err := talk(c, "", "* OK ", "a LOGIN alice secret", "a OK ", "b CAPABILITY", "* CAPABILITY IMAP4rev1 "); err != nil {
		t.Fatal(err)
	}
	if err := talk(c, "", "b OK ", "c GETQUOTAROOT INBOX", "c NO [CANNOT] "); err != nil {
		t.Error(err)
	}
}

func TestQuotaIsTyped(t *testing.T) {
	t.Parallel()
	var q server.Quota
	for _, text := range []string{"50MB", "alice@example.test=1KiB", "bob=0"} {
		if err := q.Set(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	if q.Each != 50_000_000 || len(q.Of) != 2 || q.Of["alice@example.test"] != 1024 || q.Of["bob"] != 0 {
		t.Errorf("%+v", q)
	}
	for _, text := range []string{"", "much", "=1MB", "a b=1MB", "alice=", "-1"} {
		if err := q.Set(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	for _, q := range []server.Quota{{Each: -1}, {Of: map[string]int64{"a": -1}}} {
		if _, err := server.New(server.Config{Quota: q}); err == nil {
			t.Errorf("%+v is taken", q)
		}
	}
}
