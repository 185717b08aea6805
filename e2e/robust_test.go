package e2e

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// unharmed checks that other clients of the rig, one on each protocol, can finish their work.
func (r *rig) unharmed(t *testing.T) {
	t.Helper()
	if err := r.sendQuick(25, "other@example.test"); err != nil {
		t.Errorf("another SMTP client: %v", err)
	}
	if err := r.popQuick(110); err != nil {
		t.Errorf("another POP3 client: %v", err)
	}
	c, err := r.tryIMAP(way{993, "tls"}, "other@example.test", nil)
	if err != nil {
		t.Errorf("another IMAP client: %v", err)
		return
	}
	defer c.Close()
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Errorf("another IMAP client: %v", err)
	}
	if err := c.Logout().Wait(); err != nil {
		t.Errorf("another IMAP client: %v", err)
	}
}

// TestHundredMegabyteLine sends a line that never ends, at every door. The server must stop it long before the end, in
// the protocol's words.
func TestHundredMegabyteLine(t *testing.T) {
	t.Parallel()
	long(t)
	const size = 100 << 20
	r := start(t)
	chunk := bytes.Repeat([]byte("A"), 64<<10)
	for _, d := range r.Doors {
		t.Run(doorName(d.Port), func(t *testing.T) {
			var k *talk
			if d.Security == "tls" {
				k = r.dialTLS(t, d.Port)
			} else {
				k = r.dial(t, d.Port)
			}
			k.line()
			said := make(chan string, 1)
			go func() {
				all, _ := io.ReadAll(io.LimitReader(k.r, 1<<20))
				said <- string(all)
			}()
			sent := 0
			var err error
			for sent < size && err == nil {
				var n int
				n, err = k.Write(chunk)
				sent += n
			}
			if err == nil {
				_, _ = k.Write([]byte("\r\n"))
				if c, ok := k.Conn.(*net.TCPConn); ok {
					_ = c.CloseWrite()
				} else if c, ok := k.Conn.(*tls.Conn); ok {
					_ = c.CloseWrite()
				}
			}
			reply := <-said
			t.Logf("after %d MiB: %v, the server's last words: %q", sent>>20, err, clip(reply))
			want := map[string]string{"smtp": "500 ", "imap": "BAD", "pop3": "-ERR"}[d.Protocol]
			// A reset may overtake the words. Then the end itself must have come early.
			if !strings.Contains(reply, want) && err == nil {
				t.Errorf("the line was taken and the server said %q, want %s", reply, want)
			}
		})
		r.unharmed(t)
	}
}

// TestStuckReader asks for a big message and stops reading. Other clients of the same mailbox go on, and the rig can
// still be stopped (cleanup checks this).
func TestStuckReader(t *testing.T) {
	t.Parallel()
	r := start(t)
	const user = "stuck@example.test"
	body := append(simple("bob@example.test", user, "big"), bytes.Repeat([]byte(strings.Repeat("z", 98)+"\r\n"), 160_000)...) // 16 MB: more than the sockets buffer
	goSends(t, r, way{25, "clear"}, user, body)
	small := simple("bob@example.test", user, "small")

	k := r.dial(t, 143)
	k.expect("* OK")
	k.say("a1 LOGIN "+user+" secret", "a1 OK")
	k.say("a2 SELECT INBOX", "a2 OK")
	k.send("a3 FETCH 1 BODY[]")
	k.expect("* 1 FETCH")

	p := r.dialTLS(t, 995)
	p.expect("+OK")
	p.say("USER "+user, "+OK")
	p.say("PASS secret", "+OK")
	p.send("RETR 1")
	p.expect("+OK")

	// Both now hang on a full socket. Deliver to the same mailbox, read from it, change flags in it.
	goSends(t, r, way{465, "tls"}, user, small)
	same(t, r.newest(user), small)
	o := r.dial(t, 143)
	o.expect("* OK")
	o.say("b1 LOGIN "+user+" secret", "b1 OK")
	o.say("b2 SELECT INBOX", "b2 OK")
	o.say(`b3 STORE 1:2 +FLAGS (\Seen \Flagged)`, "b3 OK")
	o.say("b4 COPY 1 Archive", "b4 OK")
	o.say(`b5 STORE 2 +FLAGS (\Deleted)`, "b5 OK")
	o.say("b6 EXPUNGE", "b6 OK")
	o.say("b7 LOGOUT", "b7 OK")
	r.unharmed(t)

	// The client that resumes reading gets all of it.
	n := 0
	for {
		l, err := k.r.ReadString('\n')
		if err != nil {
			t.Fatalf("after %d bytes: %v", n, err)
		}
		if strings.HasPrefix(l, "a3 ") {
			break
		}
		n += len(l)
	}
	if n < len(body) {
		t.Errorf("the slow reader got %d bytes of %d", n, len(body))
	}
}

// TestHalfOpen breaks connections at every stage: with a FIN from the client while the server still has to speak, and
// with silence in the middle of a unit.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	r := start(t)
	starts := map[string][]string{
		"smtp": {"", "EHLO", "EHLO c\r\n", "EHLO c\r\nMAIL FROM:<a@example.test>\r\nRCPT TO:<half@example.test>\r\nDATA\r\nSubject: half\r\n\r\nhalf",
			"EHLO c\r\nMAIL FROM:<a@example.test>\r\nRCPT TO:<half@example.test>\r\nBDAT 100 LAST\r\nSubject: half\r\n\r\nhalf", "EHLO c\r\nAUTH PLAIN\r\nAGFs"},
		"imap": {"", "a1 LOG", "a1 CAPABILITY\r\n", "a1 LOGIN {5}\r\nhal", "a1 LOGIN half secret\r\na2 APPEND INBOX {100}\r\nSubject: half", "a1 LOGIN half secret\r\na2 SELECT INBOX\r\na3 IDLE\r\n", "a1 AUTHENTICATE PLAIN\r\nAGFs"},
		"pop3": {"", "CAP", "CAPA\r\n", "USER half\r\n", "USER half\r\nPASS secret\r\nRET", "AUTH PLAIN\r\nAGFs"},
	}
	for _, d := range r.Doors {
		for _, s := range starts[d.Protocol] {
			open := func() *talk {
				if d.Security == "tls" {
					return r.dialTLS(t, d.Port)
				}
				return r.dial(t, d.Port)
			}
			k := open()
			if _, err := io.WriteString(k.Conn, s); err != nil {
				t.Errorf("door %d, %q: %v", d.Port, s, err)
			}
			if c, ok := k.Conn.(*net.TCPConn); ok {
				_ = c.CloseWrite()
			} else {
				_ = k.Conn.(*tls.Conn).CloseWrite()
			}
			k.ended()
			q := open()
			if _, err := io.WriteString(q.Conn, s); err != nil {
				t.Errorf("door %d, %q: %v", d.Port, s, err)
			}
			// q stays open with half a line while others work; the end of the test closes it.
		}
	}
	r.unharmed(t)
	if n := len(r.messages("half@example.test")) + len(r.messages("half")); n != 0 {
		t.Errorf("%d half messages were stored", n)
	}
}

// TestGarbage speaks nonsense, another protocol, and TLS at the wrong door. Each connection must end, and the server
// must not.
func TestGarbage(t *testing.T) {
	t.Parallel()
	r := start(t)
	noise := make([]byte, 256<<10)
	_, _ = rand.Read(noise) // never fails
	inputs := map[string][]byte{
		"noise":        noise,
		"zeros":        make([]byte, 64<<10),
		"line ends":    bytes.Repeat([]byte("\r\n"), 20_000),
		"bare LF":      bytes.Repeat([]byte("\n"), 20_000),
		"HTTP":         []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		"SMTP":         []byte("EHLO c\r\nMAIL FROM:<>\r\nQUIT\r\n"),
		"IMAP":         []byte("a1 CAPABILITY\r\na2 LOGIN x y\r\na3 LOGOUT\r\n"),
		"POP3":         []byte("CAPA\r\nUSER x\r\nPASS y\r\nQUIT\r\n"),
		"huge literal": []byte("a1 LOGIN {99999999999}\r\na2 LOGIN {4294967296+}\r\nx"),
		"deep list":    []byte("a1 LOGIN x y\r\na2 FETCH 1 " + strings.Repeat("(", 7000) + "\r\n"),
		"huge numbers": []byte("BDAT 99999999999999999999 LAST\r\nTOP 99999999999999999999 -1\r\na1 FETCH 99999999999999999999 FLAGS\r\n"),
		"long verbs":   bytes.Repeat([]byte("X"), 4000),
	}
	for name, in := range inputs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, d := range r.Doors {
				k := r.dial(t, d.Port) // in clear, even where TLS is required
				go func() { _, _ = io.Copy(io.Discard, k.r) }()
				_, _ = k.Write(in)
				_ = k.Conn.(*net.TCPConn).CloseWrite()
				if d.Security == "tls" {
					s := r.dialTLS(t, d.Port)
					_, _ = s.Write(in)
					_ = s.Conn.(*tls.Conn).CloseWrite()
					s.ended()
				}
			}
		})
	}
	t.Run("TLS on a clear door", func(t *testing.T) {
		t.Parallel()
		for _, door := range []int{25, 2525, 587, 143, 110} {
			k := r.dial(t, door)
			began := time.Now()
			err := tls.Client(k.Conn, r.tlsConfig()).Handshake()
			if err == nil {
				t.Errorf("door %d speaks TLS without STARTTLS", door)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("door %d took %v to end it", door, took)
			}
		}
	})
	t.Run("clear text on a TLS door", func(t *testing.T) {
		t.Parallel()
		for _, door := range []int{465, 993, 995} {
			k := r.dial(t, door)
			k.send("a1 CAPABILITY")
			if said := k.ended(); strings.Contains(said, "OK") || strings.Contains(said, "220") {
				t.Errorf("door %d downgraded: %q", door, said)
			}
		}
	})
	t.Cleanup(func() { r.unharmed(t) })
}

// TestManyAtOnce lets hundreds of clients send to and read from one mailbox.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	r := start(t)
	const clients, each = 40, 10
	errs := make(chan error, clients)
	for i := range clients {
		go func() {
			for range each {
				if err := r.sendQuick([]int{25, 2525}[i%2], "crowd@example.test"); err != nil {
					errs <- fmt.Errorf("client %d: %w", i, err)
					return
				}
			}
			errs <- nil
		}()
	}
	for range clients {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := len(r.messages("crowd@example.test")); n != clients*each {
		t.Errorf("%d of %d messages arrived", n, clients*each)
	}
}
