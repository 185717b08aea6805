package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// hang is how long a client waits before it gives up.
const hang = time.Minute

// load is something that clients do repeatedly.
type load struct {
	name    string
	clients int
	port    int
	prepare func(*side) error
	// open greets and logs in. once does one operation.
	open func(*conn) error
	once func(*conn) error
	// leave ends a session properly, if the next one depends on that. nil: just close.
	leave func(*conn) error
	// reconnect gives each operation a connection of its own.
	reconnect bool
}

type conn struct {
	net.Conn
	r *bufio.Reader
}

var message = "Subject: bench\r\n\r\n" + strings.Repeat(strings.Repeat("x", 62)+"\r\n", 16)

var loads = []load{
	{name: "smtp 1 KiB, connection kept", clients: 8, port: 25, open: openSMTP, once: sendSMTP},
	{name: "smtp 1 KiB, connection each", clients: 8, port: 25, open: openSMTP, once: sendSMTP, reconnect: true},
	{name: "smtp 100 KiB, connection kept", clients: 8, port: 25, open: openSMTP, once: sendLarge},
	{name: "imap fetch 1:100 FLAGS", clients: 8, port: 143, prepare: fill, open: openIMAP, once: imapCommand("FETCH 1:100 (UID FLAGS)")},
	{name: "imap fetch 1:100 BODY[] 10 KiB", clients: 8, port: 143, prepare: fill, open: openIMAP, once: imapCommand("FETCH 1:100 BODY.PEEK[]")},
	{name: "imap NOOP", clients: 8, port: 143, prepare: fill, open: openIMAP, once: imapCommand("NOOP")},
	{name: "pop3 retr 10 KiB", clients: 1, port: 110, prepare: fill, open: openPOP3, once: retr, leave: quitPOP3},
}

// rate returns the operations per second.
func (l load) rate(s *side, length time.Duration) (float64, error) {
	if l.prepare != nil {
		if err := l.prepare(s); err != nil {
			return 0, err
		}
	}
	var ops atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, l.clients)
	start := time.Now()
	for range l.clients {
		wg.Go(func() {
			if err := l.client(s, start.Add(length), &ops); err != nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	if l.prepare == nil { // otherwise memory rather than speed would be compared
		if err := s.reset(); err != nil {
			return 0, err
		}
	}
	select {
	case err := <-errs:
		return 0, err
	default:
		return float64(ops.Load()) / took.Seconds(), nil
	}
}

func (l load) client(s *side, until time.Time, ops *atomic.Int64) error {
	var c *conn
	for time.Now().Before(until) {
		if c == nil {
			raw, err := net.Dial("tcp", s.addr[l.port])
			if err != nil {
				return err
			}
			defer raw.Close()
			raw.SetDeadline(time.Now().Add(hang))
			c = &conn{raw, bufio.NewReaderSize(raw, 64<<10)}
			if err := l.open(c); err != nil {
				return err
			}
		}
		if err := l.once(c); err != nil {
			return err
		}
		ops.Add(1)
		if l.reconnect {
			c.Close()
			c = nil
		}
	}
	if c != nil && l.leave != nil {
		return l.leave(c)
	}
	return nil
}

// say sends a line and reads up to the line that begins with want.
func (c *conn) say(line, want string) error {
	if line != "" {
		if _, err := io.WriteString(c, line); err != nil {
			return err
		}
	}
	for {
		got, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if bytes.HasPrefix(got, []byte(want)) {
			return nil
		}
		if len(got) > 3 && got[3] == ' ' && (got[0] == '4' || got[0] == '5') || bytes.HasPrefix(got, []byte("a NO")) || bytes.HasPrefix(got, []byte("a BAD")) || bytes.HasPrefix(got, []byte("-ERR")) {
			return fmt.Errorf("%q was answered with %q", line, got)
		}
	}
}

func openSMTP(c *conn) error {
	if err := c.say("", "220 "); err != nil {
		return err
	}
	return c.say("EHLO bench\r\n", "250 ")
}

func sendSMTP(c *conn) error { return send(c, "b@example.test", message) }

var large = strings.Repeat(message, 100)

func sendLarge(c *conn) error { return send(c, "b@example.test", large) }

func send(c *conn, to, text string) error {
	for _, step := range [][2]string{
		{"MAIL FROM:<a@example.test>\r\n", "250 "}, {"RCPT TO:<" + to + ">\r\n", "250 "},
		{"DATA\r\n", "354 "}, {text + ".\r\n", "250 "},
	} {
		if err := c.say(step[0], step[1]); err != nil {
			return err
		}
	}
	return nil
}

// fill puts 100 messages of 10 KiB into alice's INBOX, once.
func fill(s *side) error {
	if s.filled {
		return nil
	}
	s.filled = true
	return deliver(s.addr[25], "alice@example.test", 100, strings.Repeat(message, 10))
}

// deliver sends n messages on one connection.
func deliver(addr, to string, n int, text string) error {
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(hang))
	c := &conn{raw, bufio.NewReader(raw)}
	if err := openSMTP(c); err != nil {
		return err
	}
	for range n {
		if err := send(c, to, text); err != nil {
			return err
		}
	}
	return nil
}

func openIMAP(c *conn) error {
	if err := c.say("", "* OK"); err != nil {
		return err
	}
	if err := c.say("a LOGIN alice secret\r\n", "a OK"); err != nil {
		return err
	}
	return c.say("a SELECT INBOX\r\n", "a OK")
}

func imapCommand(command string) func(*conn) error {
	return func(c *conn) error { return c.say("a "+command+"\r\n", "a OK") }
}

func openPOP3(c *conn) error {
	for _, step := range [][2]string{{"", "+OK"}, {"USER alice\r\n", "+OK"}, {"PASS secret\r\n", "+OK"}} {
		if err := c.say(step[0], step[1]); err != nil {
			return err
		}
	}
	return nil
}

// quitPOP3 releases the maildrop, which is locked as long as a session lasts.
func quitPOP3(c *conn) error { return c.say("QUIT\r\n", "+OK") }

func retr(c *conn) error { return c.say("RETR 1\r\n", ".\r\n") }
