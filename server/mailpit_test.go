package server_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/mailpit"
	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// TestMailpitsPlace sends a message to where Mailpit takes mail, and finds it by the id of the reply.
func TestMailpitsPlace(t *testing.T) {
	t.Parallel()
	s, err := server.New(server.Config{PortOffset: "random", HTTP: "127.0.0.1:0", Mailpit: &server.Mailpit{SMTP: "127.0.0.1:0", MaxMessages: 2}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	id := ""
	for range 3 {
		id = sendTo(t, s.MailpitSMTP())
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.HTTPURL()+"/api/v1/messages", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "mailpit:8025"
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var page struct {
		Total    int
		Messages []struct{ ID, Username string }
	}
	if err := json.Unmarshal(body, &page); err != nil || page.Total != 2 || page.Messages[0].ID != id || page.Messages[0].Username != "alice" {
		t.Errorf("%d %s %v; the reply named %s", resp.StatusCode, body, err, id)
	}
}

// TestMailpitsPortRefuses checks that a scenario that refuses connections at door 25 does so where Mailpit takes mail, and that the
// port is open again afterwards.
func TestMailpitsPortRefuses(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{Mailpit: &server.Mailpit{SMTP: "127.0.0.1:0"}})
	refuses, err := scenarios.Parse("x.yaml", []byte("name: x\ntitle: x\nstory: x.\nrules: [{match: {door: 25}, connect: refuse}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Use(refuses); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", s.MailpitSMTP()); err == nil {
		c.Close()
		t.Error("a connection was accepted")
	}
	if _, err := s.Use(); err != nil {
		t.Fatal(err)
	}
	if id := sendTo(t, s.MailpitSMTP()); id == "" {
		t.Error("no mail is taken afterwards")
	}
	taken := s.MailpitSMTP()
	other, err := server.New(server.Config{PortOffset: "random", Mailpit: &server.Mailpit{SMTP: taken}})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(t.Context()); err == nil || !strings.Contains(err.Error(), taken) || !strings.Contains(err.Error(), "MP_SMTP_BIND_ADDR") {
		t.Errorf("at an address that is taken: %v", err)
	}
	if err := other.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// sendTo sends a message after a login, and returns the id that the last reply names.
func sendTo(t *testing.T, address string) string {
	t.Helper()
	c, err := textproto.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	say := func(line string, code int) string {
		t.Helper()
		if line != "" {
			if err := c.PrintfLine("%s", line); err != nil {
				t.Fatal(err)
			}
		}
		_, text, err := c.ReadResponse(code)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	say("", 220)
	say("EHLO client.example", 250)
	say("AUTH PLAIN AGFsaWNlAHNlY3JldA==", 235)
	say("MAIL FROM:<a@example.test>", 250)
	say("RCPT TO:<b@example.test>", 250)
	say("RCPT TO:<c@example.test>", 250)
	say("DATA", 354)
	text := say("Subject: x\r\n\r\nx\r\n.", 250)
	say("QUIT", 221)
	_, id, ok := strings.Cut(text, "Ok: queued as ")
	if !ok || len(id) != 22 {
		t.Errorf("the reply is %q", text)
	}
	return id
}

// TestMailpitsCallsAreGuarded asks each of Mailpit's calls under a foreign name, from another site, and without a login
// where one is needed.
func TestMailpitsCallsAreGuarded(t *testing.T) {
	t.Parallel()
	open := start(t, server.Config{HTTP: "127.0.0.1:0"})
	locked := start(t, server.Config{HTTP: "127.0.0.1:0", HTTPLogins: []server.HTTPLogin{{Name: "a", Password: "b"}}})
	ask := func(base, method, path string, change func(*http.Request)) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	patterns := mailpit.New(mailpit.Config{}).Patterns()
	if len(patterns) < 10 {
		t.Fatalf("only %v", patterns)
	}
	for _, p := range patterns {
		path := regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(p, "x")
		if got := ask(open.HTTPURL(), "GET", path, func(r *http.Request) { r.Host = "rebound.example" }); got != http.StatusMisdirectedRequest {
			t.Errorf("%s under a foreign name: %d", path, got)
		}
		for _, method := range []string{"POST", "PUT", "DELETE"} {
			if got := ask(open.HTTPURL(), method, path, func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }); got != http.StatusForbidden {
				t.Errorf("%s %s from another site: %d", method, path, got)
			}
		}
		if got := ask(locked.HTTPURL(), "GET", path, func(*http.Request) {}); got != http.StatusUnauthorized && path != "/livez" && path != "/readyz" {
			t.Errorf("%s without a login: %d", path, got)
		}
	}
}
