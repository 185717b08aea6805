package server_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// talk sends lines and expects an answer to each, in turn.
func talk(c *client, steps ...string) error {
	for i := 0; i+1 < len(steps); i += 2 {
		if err := c.say(steps[i], steps[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func parse(t testing.TB, name, rules string) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Parse(name+".yaml", []byte("name: "+name+"\ntitle: t\nstory: s\nrules:\n"+rules))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func useFor(t testing.TB, s *server.Server, user string, list ...*scenarios.Scenario) []string {
	t.Helper()
	notes, err := s.UseFor(user, list...)
	if err != nil {
		t.Fatal(err)
	}
	return notes
}

// TestEachUserHasScenarios lets testers share one server. Each has a scenario of their own in addition to everybody's,
// at the same time, in every protocol.
func TestEachUserHasScenarios(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{Scenarios: []*scenarios.Scenario{parse(t, "shared", `
  - match: {protocol: imap, command: STATUS}
    reply: "NO shared"
`)}})
	useFor(t, s, "Alice@example.test", parse(t, "deferred", `
  - match: {command: RCPT}
    times: 1
    reply: "451 4.7.1 later"
  - match: {protocol: imap, command: SELECT}
    reply: "NO [INUSE] alice's"
  - match: {protocol: pop3, command: PASS}
    reply: "-ERR [SYS/TEMP] alice's"
  - size-limit: 1000
  - limit-recipients: 1
`))
	useFor(t, s, "bob", load(t, "auth-wrong-password")...)

	imap := func(user, login, selected string) error {
		c := dial(t, s, 143)
		return talk(c, "", "* OK", "a LOGIN "+user+" secret", login, "a STATUS INBOX (MESSAGES)", map[bool]string{true: "a NO shared", false: "a BAD"}[login == "a OK"], "a SELECT INBOX", selected)
	}
	submit := func(user string, then ...string) error {
		c := dial(t, s, 465)
		if err := talk(c, "", "220 ", "EHLO x", "250 ", "AUTH PLAIN", "334 "); err != nil {
			return err
		}
		return talk(c, append([]string{plainResponse(user, "secret")}, then...)...)
	}
	pop := func(user, pass string) error {
		c := dial(t, s, 110)
		return talk(c, "", "+OK", "USER "+user, "+OK", "PASS secret", pass)
	}
	from := func(sender, reply string) error {
		c := dial(t, s, 25)
		return talk(c, "", "220 ", "HELO x", "250 ", "MAIL FROM:<"+sender+">", "250 ", "RCPT TO:<c@d.test>", reply)
	}
	var wg sync.WaitGroup
	check := func(what string, do func() error) {
		wg.Go(func() {
			if err := do(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		})
	}
	for i := range 8 {
		carol := fmt.Sprintf("carol%d@example.test", i)
		check("alice's IMAP", func() error { return imap("alice@example.test", "a OK", "a NO [INUSE] alice's") })
		check("carol's IMAP", func() error { return imap(carol, "a OK", "a OK") })
		check("bob's SMTP", func() error { return submit("bob", "535 5.7.8") })
		check("carol's SMTP", func() error {
			return submit(carol, "235 ", "MAIL FROM:<"+carol+"> SIZE=2000", "250 ", "RCPT TO:<a@b.test>", "250 ", "RCPT TO:<c@b.test>", "250 ")
		})
		check("alice's POP3", func() error { return pop("alice", "-ERR [SYS/TEMP] alice's") })
		check("carol's POP3", func() error { return pop(carol, "+OK") })
		check("mail from carol", func() error { return from(carol, "250 ") })
	}
	check("bob's IMAP", func() error {
		c := dial(t, s, 993)
		return talk(c, "", "* OK", "a LOGIN bob@EXAMPLE.test secret", "a NO [AUTHENTICATIONFAILED]")
	})
	wg.Wait()

	// The counter is alice's own. Where nobody logs in, mail from her address counts.
	if err := from("alice@example.test", "451 "); err != nil {
		t.Error(err)
	}
	if err := submit("alice", "235 ", "MAIL FROM:<alice@example.test> SIZE=2000", "552 ", "MAIL FROM:<alice@example.test>", "250 ",
		"RCPT TO:<a@b.test>", "250 ", "RCPT TO:<c@b.test>", "452 "); err != nil {
		t.Error(err)
	}
	// After a second login on the connection as another user, alice's rules no longer act.
	c := dial(t, s, 143)
	if err := talk(c, "", "* OK", "a LOGIN alice x", "a OK", "a SELECT INBOX", "a NO [INUSE]", "a UNAUTHENTICATE", "a OK", "a LOGIN dora x", "a OK", "a SELECT INBOX", "a OK"); err != nil {
		t.Error(err)
	}
}

// TestUserKeepsScenarioOfLogin checks that a switch for one user applies to later logins, even on older connections,
// and changes nothing where the user has already logged in.
func TestUserKeepsScenarioOfLogin(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{})
	waiting, working := dial(t, s, 143), dial(t, s, 143)
	if err := talk(waiting, "", "* OK"); err != nil {
		t.Fatal(err)
	}
	if err := talk(working, "", "* OK", "a LOGIN alice x", "a OK"); err != nil {
		t.Fatal(err)
	}
	useFor(t, s, "alice", parse(t, "locked", "  - match: {protocol: imap, command: SELECT}\n    reply: NO locked\n"))
	if err := talk(waiting, "a LOGIN alice x", "a OK", "a SELECT INBOX", "a NO locked", "a LOGOUT", "a OK"); err != nil {
		t.Error(err)
	}
	if err := talk(working, "a SELECT INBOX", "a OK"); err != nil {
		t.Error(err)
	}
	useFor(t, s, "alice")
	fresh := dial(t, s, 143)
	if err := talk(fresh, "", "* OK", "a LOGIN alice x", "a OK", "a SELECT INBOX", "a OK"); err != nil {
		t.Error(err)
	}
	for _, session := range s.Sessions() {
		if !session.End.IsZero() && !(slices.Equal(session.Scenarios, []string{"locked"}) && slices.Equal(session.Injected, []string{"locked"})) {
			t.Errorf("the session has scenarios %q, injected %q", session.Scenarios, session.Injected)
		}
	}
}

func TestWhatCantBeForOneUser(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0", Users: []server.User{{Name: "alice", Password: "x"}}})
	put := func(query, body string) string {
		t.Helper()
		req, err := http.NewRequest("PUT", s.HTTPURL()+"/api/v1/scenario"+query, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return resp.Status + " " + string(text)
	}
	for body, want := range map[string]string{
		`{"scenarios":["port-25-blocked"]}`:     "port-25-blocked: what it does before the login (connect) can't be for alice alone",
		`{"scenarios":["cert-expired"]}`:        "(certificate)",
		`{"scenarios":["starttls-masked"]}`:     "before the login",
		`{"scenarios":["greylisting"]}`:         `"notes":[]`,
		`{"scenarios":["auth-slow"]}`:           "(delay-reply)",
		`{"scenarios":["imap-no-special-use"]}`: `"notes":[]`,
	} {
		if got := put("?user=alice", body); !strings.HasPrefix(got, "200") || !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	if got := put("?user=bob", `{"scenarios":["greylisting"]}`); !strings.HasPrefix(got, "400") || !strings.Contains(got, "no user bob@example.test here") {
		t.Errorf("an unknown user: %s", got)
	}
	if got := put("?user=alice", `{"inline":[{"file":"bad.yaml","yaml":"name: bad\nrules: 7\n"}]}`); !strings.HasPrefix(got, "400") || !strings.Contains(got, "bad.yaml:2: rules wants a list") {
		t.Errorf("a malformed file: %s", got)
	}
	if got := s.ActiveByUser(); len(got) != 1 || len(got["alice@example.test"]) != 1 {
		t.Errorf("%v", got)
	}
	if got := put("", `{"scenarios":["greylisting"]}`); !strings.Contains(got, `"scenarios":["greylisting"]`) {
		t.Error(got)
	}
	if got := s.ActiveFor("Alice"); len(got) != 1 {
		t.Errorf("a switch for everybody has ended alice's: %v", got)
	}
}

func plainResponse(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
}

// TestStartTLSForgetsTheUser checks that nobody is known after STARTTLS, and that no user's own rules act.
func TestStartTLSForgetsTheUser(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{})
	useFor(t, s, "alice", parse(t, "no-capa", "  - match: {protocol: pop3, command: CAPA}\n    reply: -ERR alice's\n"))
	c := dial(t, s, 110)
	if err := talk(c, "", "+OK", "CAPA", "+OK", "", ".", "USER alice", "+OK", "CAPA", "-ERR alice's", "STLS", "+OK"); err != nil {
		t.Fatal(err)
	}
	secure := tls.Client(c.Conn, s.ClientTLS())
	inside := &client{secure, bufio.NewReader(secure)}
	if err := talk(inside, "CAPA", "+OK", "", ".", "USER alice", "+OK", "CAPA", "-ERR alice's"); err != nil {
		t.Error(err)
	}
}
