package pop3

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

const deadline = 2 * time.Minute // a test that passes never waits that long

// start serves on a free loopback port. Its cleanup waits for Serve.
func start(t *testing.T, s *Server) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		select {
		case err := <-served:
			if !errors.Is(err, ErrServerClosed) {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(deadline):
			t.Error("Serve didn't return after Close")
		}
	})
	return l.Addr().String()
}

// testTLS returns a certificate that nobody trusts.
func testTLS(t *testing.T) *tls.Config {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	return &tls.Config{Certificates: s.TLS.Certificates}
}

type client struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func dial(t *testing.T, addr string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(deadline))
	c := &client{t: t, conn: conn, r: bufio.NewReader(conn)}
	c.expect("+OK")
	return c
}

func (c *client) expect(prefix string) string {
	c.t.Helper()
	line, err := c.r.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, prefix) {
		c.t.Fatalf("got %q, %v; want %q", line, err, prefix)
	}
	return line
}

func (c *client) cmd(line, prefix string) string {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, line+"\r\n"); err != nil {
		c.t.Fatal(err)
	}
	return c.expect(prefix)
}

func (c *client) login() {
	c.t.Helper()
	c.cmd("USER u", "+OK")
	c.cmd("PASS pass word", "+OK")
}

func (c *client) expectEnd() {
	c.t.Helper()
	if b, err := io.ReadAll(c.r); err != nil || len(b) > 0 {
		c.t.Fatalf("want the end of the connection and nothing else, got %q, %v", b, err)
	}
}

// eventually waits for what another goroutine brings about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestSTLS(t *testing.T) {
	t.Parallel()
	b := newTestBackend()
	addr := start(t, &Server{Backend: b, TLSConfig: testTLS(t)})
	c := dial(t, addr)
	c.cmd("USER u", "-ERR [AUTH]")
	capa := func() (list string) {
		c.cmd("CAPA", "+OK")
		for line := ""; line != ".\r\n"; {
			line = c.expect("")
			list += line
		}
		return list
	}
	if list := capa(); !strings.Contains(list, "STLS\r\n") || strings.Contains(list, "USER") || strings.Contains(list, "SASL") {
		t.Errorf("CAPA in clear:\n%s", list)
	}
	// What comes in clear after STLS is dropped (RFC 2595 section 4).
	c.cmd("STLS\r\nCAPA\r\nQUIT", "+OK")
	tc := tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
	c.conn, c.r = tc, bufio.NewReader(tc)
	if list := capa(); strings.Contains(list, "STLS") || !strings.Contains(list, "USER\r\n") || !strings.Contains(list, "SASL PLAIN") {
		t.Errorf("CAPA in TLS:\n%s", list)
	}
	if _, _, open := b.state(); open != 1 || b.sessions != 2 {
		t.Errorf("%d sessions made, %d open; want a new one after STLS and the old one logged out", b.sessions, open)
	}
	c.cmd("STLS", "-ERR")
	c.login()
	c.cmd("STLS", "-ERR")
	c.cmd("QUIT", "+OK")
	c.expectEnd()
}

func TestImplicitTLS(t *testing.T) {
	t.Parallel()
	b := newTestBackend()
	var state tls.ConnectionState
	s := &Server{Backend: BackendFunc(func(c *Conn) (Session, error) {
		state, _ = c.TLSConnectionState()
		return b.NewSession(c)
	})}
	server, here := net.Pipe()
	done := make(chan struct{})
	go func() { defer close(done); s.ServeConn(tls.Server(server, testTLS(t))) }()
	tc := tls.Client(here, &tls.Config{InsecureSkipVerify: true})
	c := &client{t, tc, bufio.NewReader(tc)}
	c.expect("+OK")
	c.login()
	c.cmd("QUIT", "+OK")
	c.expectEnd()
	<-done
	if !state.HandshakeComplete {
		t.Error("the TLS state wasn't known in NewSession")
	}
}

func TestMaildropLock(t *testing.T) {
	t.Parallel()
	b := newTestBackend()
	addr := start(t, &Server{Backend: b, AllowInsecureAuth: true})
	first, second := dial(t, addr), dial(t, addr)
	first.login()
	second.cmd("USER u", "+OK")
	second.cmd("PASS pass word", "-ERR [IN-USE] ")
	first.cmd("QUIT", "+OK")
	// The lock is free when QUIT is answered, not some time later.
	second.login()
	second.cmd("DELE 1", "+OK")
	second.conn.Close()
	eventually(t, "the lock of a dropped connection is released", func() bool { _, locked, _ := b.state(); return !locked })
	if mail, _, _ := b.state(); len(mail) != 5 {
		t.Errorf("%d messages left after a drop, want 5", len(mail))
	}
	for range 20 {
		c := dial(t, addr)
		c.login()
		c.cmd("QUIT", "+OK")
	}
}

func TestCloseEndsConnections(t *testing.T) {
	t.Parallel()
	b := newTestBackend()
	s := &Server{Backend: b, AllowInsecureAuth: true}
	c := dial(t, start(t, s))
	c.login()
	c.cmd("DELE 1", "+OK")
	s.Close()
	if _, err := c.r.ReadByte(); err == nil {
		t.Error("the connection lives on")
	}
	eventually(t, "logout", func() bool { _, _, open := b.state(); return open == 0 })
	if mail, locked, _ := b.state(); len(mail) != 5 || locked {
		t.Errorf("%d messages left, locked %v", len(mail), locked)
	}
	conn := &scriptConn{}
	if s.ServeConn(conn); !conn.closed || conn.writes > 0 {
		t.Error("a closed server served a connection")
	}
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	b := newTestBackend()
	s := &Server{Backend: b, AllowInsecureAuth: true}
	c := dial(t, start(t, s))
	c.login()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Shutdown(ctx) }()
	eventually(t, "shutdown begins", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.closed })
	c.cmd("STAT", "+OK 5") // still served
	select {
	case err := <-ended:
		t.Fatalf("Shutdown didn't wait: %v", err)
	default:
	}
	c.cmd("QUIT", "+OK")
	if err := <-ended; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	cancel()

	s = &Server{Backend: b, AllowInsecureAuth: true}
	c = dial(t, start(t, s))
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown without time: %v", err)
	}
	if _, err := c.r.ReadByte(); err == nil {
		t.Error("the connection lives on")
	}
}

func TestLineBounds(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return "USER " + strings.Repeat("x", n-len("USER \r\n")) + "\r\n" }
	for _, tt := range []struct {
		name, input, want string
	}{
		{"longest", long(DefaultMaxLineLength) + "QUIT\r\n", "+OK|+OK|+OK"},
		{"one more", long(DefaultMaxLineLength+1) + "QUIT\r\n", "+OK|-ERR|+OK"},
		{"swallowed", long(maxSwallow) + "QUIT\r\n", "+OK|-ERR|+OK"},
		{"too long to be swallowed", long(maxSwallow+2*DefaultMaxLineLength) + "QUIT\r\n", "+OK|-ERR"},
		{"too long, without end", strings.Repeat("x", 3*maxSwallow), "+OK|-ERR"},
		{"in AUTH", "AUTH PLAIN\r\n" + long(DefaultMaxLineLength+1) + "QUIT\r\n", "+OK|+|-ERR|+OK"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			conn := &scriptConn{input: []string{tt.input}}
			(&Server{Backend: newTestBackend(), AllowInsecureAuth: true}).ServeConn(conn)
			var got []string
			for line := range strings.Lines(conn.raw.String()) {
				word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
				got = append(got, word)
			}
			if s := strings.Join(got, "|"); s != tt.want {
				t.Errorf("replies %s, want %s", s, tt.want)
			}
		})
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func TestInternalErrorsAreLogged(t *testing.T) {
	t.Parallel()
	for user, want := range map[string]string{
		"panic": "login panics", "broken": "the secret cause", "readfails": "bad sector",
		"readpanics": "reader panics", "logoutpanics": "logout panics",
	} {
		var log lockedBuffer
		conn := &scriptConn{input: []string{"USER " + user + "\r\nPASS pass word\r\nRETR 1\r\nQUIT\r\n"}}
		s := &Server{Backend: newTestBackend(), AllowInsecureAuth: true, ErrorLog: slog.New(slog.NewTextHandler(&log, nil))}
		s.ServeConn(conn)
		if !strings.Contains(log.b.String(), want) || strings.Contains(conn.raw.String(), want) {
			t.Errorf("%s: log %q, said %q", user, log.b.String(), conn.raw.String())
		}
	}
}

// script runs a client program, which must exit with status 0.
func script(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s isn't installed: %v", name, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", name, err, out, stderr.String())
	}
	return string(out)
}

func TestPython(t *testing.T) {
	t.Parallel()
	b := newTestBackend()
	b.mail = b.mail[:1:1]
	host, port, _ := net.SplitHostPort(start(t, &Server{Backend: b, TLSConfig: testTLS(t)}))
	script(t, "python3", "-c", `
import poplib, ssl, sys
ctx = ssl._create_unverified_context()
p = poplib.POP3(sys.argv[1], int(sys.argv[2]), timeout=10)
try:
    p.user("u"); sys.exit("login in clear")
except poplib.error_proto as e:
    assert b"[AUTH]" in e.args[0], e
assert "STLS" in p.capa(), p.capa()
p.stls(ctx)
assert p.capa()["SASL"] == ["PLAIN", "X-FINAL"], p.capa()
p.user("u"); p.pass_("pass word")
assert p.stat() == (1, 44), p.stat()
_, lines, octets = p.retr(1)
assert lines == [b"Subject: one", b"", b"first", b".", b"..two dots", b"last"], lines
assert octets == 44, octets
_, lines, _ = p.top(1, 2)
assert lines == [b"Subject: one", b"", b"first", b"."], lines
assert p.list()[1] == [b"1 44"] and p.uidl()[1] == [b"1 7-1"] and p.uidl(1) == b"+OK 1 7-1"
p.dele(1); p.rset(); p.dele(1); p.noop(); p.quit()
`, host, port)
	if mail, locked, _ := b.state(); len(mail) != 0 || locked {
		t.Errorf("%d messages left, locked %v", len(mail), locked)
	}
}

func TestCurl(t *testing.T) {
	t.Parallel()
	b := newTestBackend()
	addr := start(t, &Server{Backend: b, TLSConfig: testTLS(t)})
	netrc := t.TempDir() + "/netrc"
	if err := os.WriteFile(netrc, []byte(`machine 127.0.0.1 login u password "pass word"`), 0o600); err != nil {
		t.Fatal(err)
	}
	curl := func(args ...string) string {
		return script(t, "curl", append([]string{"-sSk", "--ssl-reqd", "--netrc-file", netrc, "-m", "20"}, args...)...)
	}
	// curl follows CRLF, and adds one of its own at the end.
	for n, want := range []string{b.mail[0], b.mail[1] + "\r\n"} {
		got := curl("pop3://" + addr + "/" + string(rune('1'+n)))
		if strings.TrimSuffix(got, "\r\n") != strings.TrimSuffix(want, "\r\n") {
			t.Errorf("message %d: %q, want %q", n+1, got, want)
		}
	}
	if got := curl("pop3://" + addr); !strings.HasPrefix(got, "1 44\r\n2 34\r\n") {
		t.Errorf("LIST: %q", got)
	}
	if got := curl("--login-options", "AUTH=PLAIN", "--sasl-ir", "-X", "STAT", "-I", "-v", "pop3://"+addr); got != "" {
		t.Errorf("STAT: %q", got)
	}
}

func BenchmarkIdleConn(b *testing.B) {
	s := &Server{Backend: newTestBackend()}
	b.ReportAllocs()
	for b.Loop() {
		newConn(s, &scriptConn{})
	}
}
