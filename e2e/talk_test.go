package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// talk is a dialogue by hand, for what no decent client does.
type talk struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

// dial connects to a door in clear.
func (r *rig) dial(t testing.TB, door int) *talk {
	t.Helper()
	c, err := net.DialTimeout("tcp", r.door(door).Address, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return newTalk(t, c)
}

// dialTLS connects to a door with TLS from the first byte.
func (r *rig) dialTLS(t testing.TB, door int) *talk {
	t.Helper()
	k := r.dial(t, door)
	return newTalk(t, handshake(t, k.Conn, r.tlsConfig()))
}

// greeted connects to a door, with TLS if the door begins with it, and waits for the greeting.
func (r *rig) greeted(t testing.TB, door int) *talk {
	t.Helper()
	dial := r.dial
	if r.door(door).Security == "tls" {
		dial = r.dialTLS
	}
	k := dial(t, door)
	k.expect(map[string]string{"smtp": "220", "imap": "* OK", "pop3": "+OK"}[r.door(door).Protocol])
	return k
}

func handshake(t testing.TB, c net.Conn, config *tls.Config) net.Conn {
	t.Helper()
	secure := tls.Client(c, config)
	if err := secure.Handshake(); err != nil {
		t.Fatalf("TLS: %v", err)
	}
	return secure
}

func newTalk(t testing.TB, c net.Conn) *talk {
	_ = c.SetDeadline(time.Now().Add(2 * patience))
	return &talk{t: t, Conn: c, r: bufio.NewReader(c)}
}

func (k *talk) send(format string, args ...any) {
	k.t.Helper()
	if _, err := fmt.Fprintf(k.Conn, format+"\r\n", args...); err != nil {
		k.t.Fatalf("sending "+format+": %v", append(args, err)...)
	}
}

// line reads one line without its end.
func (k *talk) line() string {
	k.t.Helper()
	s, err := k.r.ReadString('\n')
	if err != nil {
		k.t.Fatalf("reading a line: %v (after %q)", err, s)
	}
	return strings.TrimRight(s, "\r\n")
}

// expect reads lines until one begins with prefix. Any other final reply of the protocol fails the test.
func (k *talk) expect(prefix string) string {
	k.t.Helper()
	var seen []string
	for {
		l := k.line()
		if strings.HasPrefix(l, prefix) {
			return l
		}
		seen = append(seen, l)
		smtpEnd := len(l) >= 4 && l[3] == ' ' && l[0] >= '2' && l[0] <= '5'
		tag, _, _ := strings.Cut(prefix, " ")
		imapEnd := strings.HasPrefix(prefix, tag+" ") && strings.HasPrefix(l, tag+" ") && tag != "*"
		popEnd := strings.HasPrefix(l, "-ERR") || strings.HasPrefix(l, "+OK")
		if smtpEnd || imapEnd || popEnd || len(seen) > 1000 {
			k.t.Fatalf("want a line that begins with %q, got %q", prefix, seen)
		}
	}
}

// say sends a command and waits for its reply.
func (k *talk) say(command, prefix string) string {
	k.t.Helper()
	k.send("%s", command)
	return k.expect(prefix)
}

// turns holds a dialogue. In each turn the client says what is before the first arrow, and waits for a line that begins with what is behind
// each (see expect): "a NOOP → a OK", or "CAPA → +OK → .".
func (k *talk) turns(turns ...string) *talk {
	k.t.Helper()
	for _, turn := range turns {
		parts := strings.Split(turn, " → ")
		k.send("%s", parts[0])
		for _, answer := range parts[1:] {
			k.expect(answer)
		}
	}
	return k
}

// ended checks that the server has ended the connection, and returns what it said last.
func (k *talk) ended() string {
	k.t.Helper()
	_ = k.SetReadDeadline(time.Now().Add(patience))
	rest, err := io.ReadAll(io.LimitReader(k.r, 1<<20))
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		k.t.Fatalf("the connection is still open after %v; last: %q", patience, rest)
	}
	return string(rest)
}
