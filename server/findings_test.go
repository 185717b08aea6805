package server_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailrig/mailrig/server"
)

// told collects the findings that OnFinding receives.
type told struct {
	mu   sync.Mutex
	list []server.Finding
}

func (x *told) add(f server.Finding) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.list = append(x.list, f)
}

func (x *told) of(id string) (all []server.Finding) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, f := range x.list {
		if f.ID == id {
			all = append(all, f)
		}
	}
	return all
}

// until waits for a condition.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(hang)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// patience returns how long to wait for something that comes, or for something that must not come.
func patience(comes bool) time.Duration {
	if comes {
		return hang
	}
	return 30 * time.Millisecond
}

// plain connects without TLS, whatever the door requires.
func plain(t testing.TB, s *server.Server, port int) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr(t, s, port), hang)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(hang))
	return c
}

func waitFor(t testing.TB, s *server.Server, c server.Condition) server.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	o, err := s.Wait(ctx, c)
	if err != nil || !o.Met {
		t.Fatalf("%v: %+v %v", c.String(), o.Text, err)
	}
	return o
}

func login(t testing.TB, s *server.Server, port int) *client {
	t.Helper()
	c := dial(t, s, port)
	for _, l := range [][2]string{{"", "* OK"}, {"a LOGIN alice secret", "a OK"}} {
		if err := c.say(l[0], l[1]); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestFindingAtOnceAndOnce(t *testing.T) {
	t.Parallel()
	var x told
	s := start(t, server.Config{OnFinding: x.add})
	c := dial(t, s, 143)
	for _, l := range [][2]string{{"", "* OK"}, {"a LOGIN alice secret", "a OK"}} {
		if err := c.say(l[0], l[1]); err != nil {
			t.Fatal(err)
		}
	}
	// The end of the session doesn't change a password sent in clear.
	o := waitFor(t, s, server.Condition{What: server.Findings, IDs: []string{"password-sent-in-clear"}})
	if f := o.Findings[0]; f.Door != 143 || !slices.Equal(f.Sessions, []string{"1"}) || f.Client != "127.0.0.1" {
		t.Errorf("%+v", f)
	}
	if got, _ := s.Session("1"); !got.End.IsZero() {
		t.Error("the session has ended")
	}
	if err := c.say("a LOGOUT", "a OK"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, s, server.Condition{What: server.Sessions, Match: []server.Matcher{{Key: "ended", Value: "yes"}}})
	login(t, s, 143).Close()
	until(t, "the second session's finding", func() bool { return len(x.of("password-sent-in-clear")) >= 2 })
	list := x.of("password-sent-in-clear")
	if len(list) != 2 || list[0].Sessions[0] != "1" || list[1].Sessions[0] != "2" {
		t.Errorf("%+v", list)
	}
	for _, f := range s.Findings() {
		if f.Severity == server.Good {
			t.Errorf("%s is good", f.ID)
		}
	}
}

// TestSilenceWhileItLasts checks that silence is reported while it lasts, after three seconds, and not again at the
// end.
func TestSilenceWhileItLasts(t *testing.T) {
	t.Parallel()
	var x told
	s := start(t, server.Config{OnFinding: x.add})
	began := time.Now()
	c := plain(t, s, 993)
	until(t, "silent-on-tls-port", func() bool { return len(x.of("silent-on-tls-port")) > 0 })
	if took := time.Since(began); took < 2900*time.Millisecond {
		t.Errorf("after %v", took) // internal/gate tests that it isn't later
	}
	f := x.of("silent-on-tls-port")[0]
	if got, _ := s.Session("1"); !got.End.IsZero() || !strings.Contains(f.Advice, "use port 143") {
		t.Errorf("%+v", f)
	}
	c.Close()
	waitFor(t, s, server.Condition{What: server.Sessions, Match: []server.Matcher{{Key: "ended", Value: "yes"}}})
	login(t, s, 143).Close() // one more finding: when it is there, the watcher has seen the end of the first session
	until(t, "a later finding", func() bool { return len(x.of("password-sent-in-clear")) > 0 })
	if n := len(x.of("silent-on-tls-port")); n != 1 {
		t.Errorf("told %d times", n)
	}
	if !slices.ContainsFunc(s.Findings(), func(f server.Finding) bool { return f.ID == "silent-on-tls-port" }) {
		t.Error("forgotten")
	}
}

// TestSlowHelloIsForgiven checks that a client that is only slow to send its ClientHello isn't blamed in the end.
func TestSlowHelloIsForgiven(t *testing.T) {
	t.Parallel()
	var x told
	s := start(t, server.Config{OnFinding: x.add})
	c := plain(t, s, 993)
	until(t, "silent-on-tls-port", func() bool { return len(x.of("silent-on-tls-port")) > 0 })
	if len(s.Findings()) != 1 {
		t.Errorf("%+v", s.Findings())
	}
	secure := tlsOver(c, s)
	for _, l := range [][2]string{{"", "* OK"}, {"a LOGIN alice secret", "a OK"}, {"a LOGOUT", "a OK"}} {
		if err := secure.say(l[0], l[1]); err != nil {
			t.Fatal(err)
		}
	}
	secure.Close()
	until(t, "it is taken back", func() bool { return len(s.Findings()) == 0 })
}

// TestGrowingFindingDoesNotFlood checks that a growing finding is reported once and updated.
func TestGrowingFindingDoesNotFlood(t *testing.T) {
	t.Parallel()
	var x told
	s := start(t, server.Config{OnFinding: x.add, Scenarios: load(t, "greeting-busy")})
	const tries = 12
	for i := range tries {
		plain(t, s, 25).Close()
		waitFor(t, s, server.Condition{What: server.Sessions, Match: []server.Matcher{{Key: "ended", Value: "yes"}}, Count: i + 1})
	}
	until(t, "all sessions", func() bool {
		all := s.Findings()
		i := slices.IndexFunc(all, func(f server.Finding) bool { return f.ID == "reconnected-too-fast" })
		return i >= 0 && len(all[i].Sessions) == tries-1
	})
	if n := len(x.of("reconnected-too-fast")); n != 1 {
		t.Errorf("told %d times", n)
	}
	n := 0
	for _, f := range s.Findings() {
		if f.ID == "reconnected-too-fast" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d in the list", n)
	}
}

// TestReceivesAndCannotSend blocks port 25. IMAP stays open, as a mail program's does. Nobody sees who tries the
// blocked port.
func TestReceivesAndCannotSend(t *testing.T) {
	t.Parallel()
	var x told
	s := start(t, server.Config{OnFinding: x.add})
	login(t, s, 993) // stays open
	if _, err := s.Use(load(t, "greeting-refused")...); err != nil {
		t.Fatal(err)
	}
	c := plain(t, s, 25)
	io.ReadFull(c, make([]byte, 4))
	c.Close()
	until(t, "can-receive-cannot-send", func() bool { return len(x.of("can-receive-cannot-send")) > 0 })
	if f := x.of("can-receive-cannot-send")[0]; !strings.Contains(f.Advice, "587") {
		t.Errorf("%+v", f)
	}
	// It takes some time until it is certain that the client tries nothing else.
	until(t, "stuck-on-port-25", func() bool { return len(x.of("stuck-on-port-25")) > 0 })
}

func TestResetForgetsFindings(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{})
	login(t, s, 143).Close()
	waitFor(t, s, server.Condition{What: server.Findings, IDs: []string{"password-sent-in-clear"}})
	if err := s.Reset(); err != nil {
		t.Fatal(err)
	}
	if got := s.Findings(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	login(t, s, 143).Close()
	o := waitFor(t, s, server.Condition{What: server.Findings, IDs: []string{"password-sent-in-clear"}})
	if len(o.Findings) != 1 || slices.Contains(o.Findings[0].Sessions, "1") {
		t.Errorf("%+v", o.Findings)
	}
}

// TestShutdownTellsTheLastFindings checks that findings of the last moment are reported before Shutdown returns.
func TestShutdownTellsTheLastFindings(t *testing.T) {
	t.Parallel()
	var x told
	s, err := server.New(server.Config{PortOffset: "random", OnFinding: x.add})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range 3 { // the watcher may be pausing
		login(t, s, 143)
	}
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if n := len(x.of("password-sent-in-clear")); n != 3 {
		t.Errorf("%d findings", n)
	}
}

func TestWaitForMessages(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{})
	deliver := func(to, subject string) {
		t.Helper()
		c := dial(t, s, 25)
		for _, l := range [][2]string{
			{"", "220 "}, {"EHLO x", "250 "}, {"MAIL FROM:<carol@example.test>", "250 "}, {"RCPT TO:<" + to + ">", "250 "}, {"DATA", "354 "},
			{"From: Zo\u00eb <carol@example.test>\r\nSubject: " + subject + "\r\nContent-Transfer-Encoding: base64\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nWW91ciBjb2RlIGlzIDEyMzQ=\r\n.", "250 "},
			{"QUIT", "221 "},
		} {
			if err := c.say(l[0], l[1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	deliver("alice@example.test", "Hi there")
	for text, fits := range map[string]bool{"to:alice from:Zo\u00eb subject:hi body:your code is": true, "folder:Sent": false} {
		m, err := server.ParseMatchers(server.Messages, text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience(fits))
		o, err := s.Wait(ctx, server.Condition{What: server.Messages, Match: m})
		cancel()
		if err != nil || o.Met != fits {
			t.Errorf("%s: %v %v", text, o.Met, err)
		}
	}
	// A session that comes later.
	got := make(chan server.Outcome)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), hang)
		defer cancel()
		o, _ := s.Wait(ctx, server.Condition{What: server.Messages, Match: []server.Matcher{{Key: "to", Value: "bob"}}, Count: 2})
		got <- o
	}()
	deliver("bob@example.test", "=?utf-8?q?Gr=C3=BC=C3=9Fe?=")
	deliver("bob@example.test", "two")
	if o := <-got; !o.Met || o.Count != 2 || o.Messages[0].Subject != "Gr\u00fc\u00dfe" {
		t.Errorf("%+v", o)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	o, err := s.Wait(ctx, server.Condition{What: server.Messages, Match: []server.Matcher{{Key: "subject", Value: "Welcome"}}})
	for _, want := range []string{"no message subject:Welcome within", "3 messages arrived:", `to alice@example.test "Hi there"`} {
		if err != nil || !strings.Contains(o.Text, want) {
			t.Errorf("no %q in %s (%v)", want, o.Text, err)
		}
	}
}

func TestWaitForSessions(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{Users: []server.User{{Name: "alice", Password: "secret"}}})
	login(t, s, 993)
	c := dial(t, s, 143)
	if err := c.say("", "* OK"); err != nil {
		t.Fatal(err)
	}
	_ = c.say("a LOGIN alice wrong", "a NO")
	c.Close()
	for text, fits := range map[string]bool{
		"door:993": true, "door:993 login:ok": true, "door:993 login:refused": false, "door:143 login:refused": true, "door:110": false,
		"user:alice": true, "user:bob": false, "tls:yes": true, "tls:yes door:143": false, "protocol:imap": true, "client:127.0.0.1": true,
		"ended:no door:993": true, "ended:yes door:143": true, "scenario:greylisting": false,
	} {
		m, err := server.ParseMatchers(server.Sessions, text)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience(fits))
		o, err := s.Wait(ctx, server.Condition{What: server.Sessions, Match: m})
		cancel()
		if err != nil || o.Met != fits {
			t.Errorf("%s: %v %v", text, o.Met, err)
		}
	}
}

func TestUnknownFindings(t *testing.T) {
	t.Parallel()
	if err := server.CheckFindings("pasword-sent-in-clear"); err == nil || !strings.Contains(err.Error(), "did you mean password-sent-in-clear?") {
		t.Error(err)
	}
	s := start(t, server.Config{})
	if _, err := s.Wait(t.Context(), server.Condition{What: server.Findings, IDs: []string{"unheard-of"}}); err == nil || !strings.Contains(err.Error(), "no finding has the id") {
		t.Error(err)
	}
}

func tlsOver(c net.Conn, s *server.Server) *client {
	secure := tls.Client(c, s.ClientTLS())
	return &client{secure, bufio.NewReader(secure)}
}
