package pop3

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// inTime serves one connection in a bubble of testing/synctest, where ten minutes take no time. It checks that the
// connection ends on its own, this long after test has returned.
func inTime(t *testing.T, b *testBackend, after time.Duration, test func(*client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server, here := net.Pipe() // no buffer at all
		defer here.Close()
		s := NewServer(b)
		s.AllowInsecureAuth = true
		done := make(chan struct{})
		go func() { defer close(done); s.ServeConn(server) }()
		c := &client{t, here, bufio.NewReader(here)}
		c.expect("+OK")
		test(c)
		began := time.Now()
		<-done
		if took := time.Since(began); took != after {
			t.Errorf("ended after %v, want %v", took, after)
		}
		if _, locked, open := b.state(); locked || open != 0 {
			t.Errorf("locked %v, %d sessions open", locked, open)
		}
	})
}

// TestReadTimeout checks that the autologout timer ends a connection without a word and without an UPDATE (RFC 1939
// section 3). Each line restarts it, but a part of a line doesn't: a client that dribbles would hold the maildrop for
// ever.
func TestReadTimeout(t *testing.T) {
	t.Parallel()
	const timer = 10 * time.Minute
	silence := func(c *client) { // while the timer runs
		go func() {
			if said, _ := io.ReadAll(c.r); len(said) > 0 {
				c.t.Errorf("said %q", said)
			}
		}()
	}
	for name, tc := range map[string]struct {
		after time.Duration
		test  func(*client)
	}{
		"nothing comes": {timer, silence},
		"half a line": {timer, func(c *client) {
			c.login()
			c.cmd("DELE 1", "+OK")
			io.WriteString(c.conn, "QUI")
			silence(c)
		}},
		"dribbling": {timer - 9*time.Minute, func(c *client) {
			for range 9 {
				io.WriteString(c.conn, "x")
				time.Sleep(time.Minute)
			}
			silence(c)
		}},
		"lines": {timer, func(c *client) {
			c.login()
			for range 5 {
				time.Sleep(timer - time.Second)
				c.cmd("NOOP", "+OK")
			}
			silence(c)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newTestBackend()
			before := len(b.mail)
			inTime(t, b, tc.after, tc.test)
			if mail, _, _ := b.state(); len(mail) != before {
				t.Errorf("%d messages of %d are left", len(mail), before)
			}
		})
	}
}

// TestWriteTimeout checks that a client which doesn't read what it asked for doesn't keep the maildrop locked.
func TestWriteTimeout(t *testing.T) {
	t.Parallel()
	b := newTestBackend()
	b.mail = []string{strings.Repeat("x", 1<<20)}
	inTime(t, b, 5*time.Minute, func(c *client) {
		c.login()
		c.cmd("RETR 1", "+OK") // and nobody reads the rest
	})
}
