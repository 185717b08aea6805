package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/scenarios"
)

// This file tests what scenarios do by the clock, in bubbles of testing/synctest: hours take no time.

// piped is the server's end of a pipe, with the addresses of a TCP connection.
type piped struct{ net.Conn }

func (p piped) CloseWrite() error { return p.Close() }

func (piped) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 143} }
func (piped) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 50000} }

// script plays a dialogue with a door under rules. "C: " is what the client sends; several servers' lines are skipped up
// to the one that begins with what follows "S: "; "wait 10s" lets time pass; "quiet" says that nothing has come since;
// "inbox bob 2" counts the messages in bob's INBOX; "deliver" delivers a message to alice; "over" says that the server has
// closed, and the time since the connection began; "new" begins another connection.
func script(t *testing.T, port int, rules, steps string) {
	t.Helper()
	scenario, err := scenarios.Parse("clock.yaml", []byte("name: clock\ntitle: t\nstory: s\nrules:\n"+rules))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{Scenarios: []*scenarios.Scenario{scenario}})
		if err != nil {
			t.Fatal(err)
		}
		p := &player{t: t, s: s, port: port}
		defer func() {
			p.client.Close()
			if err := s.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		for step := range strings.Lines(steps) {
			if step = strings.TrimSpace(step); step != "" {
				p.step(step)
			}
		}
	})
}

type player struct {
	t      *testing.T
	s      *Server
	port   int
	client net.Conn
	r      *bufio.Reader
	began  time.Time
}

func (p *player) connect() {
	var raw net.Conn
	p.client, raw = net.Pipe()
	p.r, p.began = bufio.NewReader(p.client), time.Now()
	for _, d := range door.Of(p.s.protocols) {
		if d.Port == p.port {
			d.Security = door.STARTTLS // a login in clear will do
			p.s.serve(d, piped{raw})
		}
	}
}

func (p *player) step(step string) {
	p.t.Helper()
	if p.client == nil {
		p.connect()
	}
	fail := func(format string, args ...any) {
		p.t.Helper()
		p.t.Fatalf("%s, %v after the beginning: %s", step, time.Since(p.began), fmt.Sprintf(format, args...))
	}
	what, rest, _ := strings.Cut(step, " ")
	_ = p.client.SetDeadline(time.Now().Add(2 * time.Hour))
	switch what {
	case "C:":
		if _, err := io.WriteString(p.client, rest+"\r\n"); err != nil {
			fail("%v", err)
		}
	case "S:":
		for {
			line, err := p.r.ReadString('\n')
			if err != nil {
				fail("%v", err)
			}
			if strings.HasPrefix(line, rest) {
				return
			}
		}
	case "wait":
		d, err := time.ParseDuration(rest)
		if err != nil {
			fail("%v", err)
		}
		time.Sleep(d)
	case "quiet":
		_ = p.client.SetReadDeadline(time.Now().Add(time.Millisecond))
		if line, err := p.r.ReadString('\n'); !errors.Is(err, os.ErrDeadlineExceeded) {
			fail("%q, %v came", line, err)
		}
	case "deliver":
		if err := p.s.Deliver("alice@example.test", []byte("Subject: x\r\n\r\nx\r\n"), time.Now()); err != nil {
			fail("%v", err)
		}
	case "inbox":
		name, n, _ := strings.Cut(rest, " ")
		synctest.Wait() // what is due at this very moment is delivered
		messages := 0
		if box, err := p.s.store.Mailbox(context.Background(), name+"@example.test", store.Inbox); err == nil {
			st, err := p.s.store.Status(context.Background(), box.ID)
			if err != nil {
				fail("%v", err)
			}
			messages = int(st.Messages)
		}
		if fmt.Sprint(messages) != n {
			fail("there are %d", messages)
		}
	case "over":
		_ = p.client.SetDeadline(time.Time{})
		if rest, err := io.ReadAll(p.r); err != nil || len(rest) > 0 {
			fail("%q, %v came", rest, err)
		}
		if took := time.Since(p.began).Round(time.Second); took.String() != rest {
			fail("it took %v", took)
		}
	case "new":
		p.client.Close()
		p.connect()
	default:
		fail("there is no such step")
	}
}

func TestUntilAndAfter(t *testing.T) {
	t.Parallel()
	script(t, 143, `
  - match: {protocol: imap, command: SELECT}
    until: {command: ID}
    reply: "NO [CANNOT] Who are you?"
  - match: {protocol: imap, command: NOOP}
    after: 10m
    reply: "BYE Session expired"
`, `
		S: * OK
		C: a LOGIN alice x
		S: a OK
		C: b SELECT INBOX
		S: b NO [CANNOT] Who are you?
		C: c ID NIL
		S: c OK
		C: d SELECT INBOX
		S: d OK
		wait 599s
		C: e NOOP
		S: e OK
		wait 1s
		C: f NOOP
		S: * BYE Session expired
		over 10m0s
		new
		S: * OK
		C: a LOGIN alice x
		S: a OK
		C: b SELECT INBOX
		S: b NO
	`)
}

// TestRefusedCommandIsNoMoment checks that a command which the server itself refuses ends no rule.
func TestRefusedCommandIsNoMoment(t *testing.T) {
	t.Parallel()
	script(t, 143, `
  - match: {protocol: imap, command: NOOP}
    until: {command: EXAMINE}
    reply: "NO not yet"
`, `
		S: * OK
		C: a LOGIN alice x
		S: a OK
		C: b EXAMINE nowhere
		S: b NO
		C: c NOOP
		S: c NO not yet
		C: d EXAMINE INBOX
		S: d OK
		C: e NOOP
		S: e OK
	`)
}

func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	rules := "- idle-timeout: 5m\n"
	t.Run("imap", func(t *testing.T) {
		t.Parallel()
		script(t, 143, rules, `
			S: * OK
			wait 4m
			C: a LOGIN alice x
			S: a OK
			wait 299s
			quiet
			C: b SELECT INBOX
			S: b OK
			C: c IDLE
			S: +
			wait 4m
			quiet
			S: * BYE Autologout; idle for too long
			over 13m59s
		`)
	})
	t.Run("smtp", func(t *testing.T) {
		t.Parallel()
		script(t, 25, "- idle-timeout: 2m\n", `
			S: 220
			C: EHLO c
			S: 250 S
			S: 421 4.4.2
			over 2m0s
		`)
	})
	t.Run("pop3", func(t *testing.T) {
		t.Parallel()
		script(t, 110, rules, `
			S: +OK
			over 5m0s
		`)
	})
	t.Run("in other words", func(t *testing.T) {
		t.Parallel()
		script(t, 143, "- idle-timeout: {after: 30s, imap: BYE Timed out}\n", `
			S: * OK
			S: * BYE Timed out
			over 30s
		`)
	})
}

func TestLife(t *testing.T) {
	t.Parallel()
	script(t, 143, "- life: {after: 1h, imap: BYE Session expired}\n", `
		S: * OK
		C: a LOGIN alice x
		S: a OK
		wait 25m
		C: b NOOP
		S: b OK
		wait 25m
		C: c NOOP
		S: c OK
		S: * BYE Session expired
		over 1h0m0s
	`)
}

// TestLifeProlongsNothing checks that a client which says nothing isn't kept until the end of the connection's life.
func TestLifeProlongsNothing(t *testing.T) {
	t.Parallel()
	script(t, 110, "- life: 1h\n", `
		S: +OK
		over 10m0s
	`)
}

// TestIdleGoesQuiet checks that IDLE tells for a while, then nothing, and again when the client begins again.
func TestIdleGoesQuiet(t *testing.T) {
	t.Parallel()
	dialogue := `
		S: * OK
		C: a LOGIN alice x
		S: a OK
		C: b SELECT INBOX
		S: b OK
		wait 20m
		C: c IDLE
		S: +
		wait 899s
		deliver
		S: * 1 EXISTS
		S: * 1 RECENT
		wait 1s
		deliver
		quiet
		C: DONE
		S: c OK
		C: d NOOP
		S: * 2 EXISTS
		S: d OK
		C: e IDLE
		S: +
		wait 10m
		deliver
		S: * 3 EXISTS
	`
	t.Run("for", func(t *testing.T) {
		t.Parallel()
		script(t, 143, "- idle: {for: 15m}\n", dialogue)
	})
	t.Run("after", func(t *testing.T) {
		t.Parallel()
		script(t, 143, "- match: {protocol: imap, command: IDLE}\n  after: 15m\n  idle: mute\n", dialogue)
	})
	t.Run("of the connection", func(t *testing.T) {
		t.Parallel()
		script(t, 143, "- after: 35m\n  per: connection\n  idle: mute\n", strings.Replace(dialogue, "S: * 3 EXISTS", "quiet", 1))
	})
}

func TestIdleEnds(t *testing.T) {
	t.Parallel()
	script(t, 143, "- idle: {for: 10m, then: bye}\n", `
		S: * OK
		C: a LOGIN alice x
		S: a OK
		C: b SELECT INBOX
		S: b OK
		C: c IDLE
		S: +
		wait 9m
		C: DONE
		S: c OK
		wait 5m
		C: d IDLE
		S: +
		wait 599s
		deliver
		S: * 1 EXISTS
		S: * 1 RECENT
		S: * BYE
		over 24m0s
	`)
}

// TestDelivery checks what becomes of accepted messages: for one recipient never, for another twice, for a third later,
// and out of order.
func TestDelivery(t *testing.T) {
	t.Parallel()
	send := func(text string, to ...string) string {
		steps := "C: MAIL FROM:<a@example.test>\nS: 250\n"
		for _, name := range to {
			steps += "C: RCPT TO:<" + name + "@example.test>\nS: 250\n"
		}
		return steps + "C: DATA\nS: 354\nC: Subject: " + text + "\nC: \nC: x\nC: .\nS: 250\n"
	}
	script(t, 25, `
  - match: {protocol: smtp, recipient: "lost@*"}
    delivery: lost
  - match: {protocol: smtp, recipient: "twice@*"}
    delivery: {copies: 2}
  - match: {protocol: smtp, recipient: "late@*"}
    times: 1
    delivery: {after: 10m}
  - match: {protocol: smtp, content: {word: spam}}
    delivery: lost
`, "S: 220\nC: EHLO c\nS: 250 S\n"+
		send("one", "lost", "twice", "late", "bob")+"inbox lost 0\ninbox twice 2\ninbox late 0\ninbox bob 1\n"+
		send("two", "lost")+"inbox lost 0\n"+ // nobody gets it, and the client hears 250
		send("three", "late")+"inbox late 1\n"+
		send("spam", "bob")+"inbox bob 1\n"+
		"C: QUIT\nS: 221\nwait 10m\ninbox late 2\n")
}
