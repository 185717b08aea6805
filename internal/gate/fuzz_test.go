package gate_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/gate"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

// wire is a client that has already sent everything, in pieces, and reads whatever it gets.
type wire struct {
	in  *bytes.Reader
	rnd *rand.Rand
	mu  sync.Mutex
	out bytes.Buffer
}

func (w *wire) Read(p []byte) (int, error) {
	if len(p) > 1 {
		p = p[:1+w.rnd.IntN(len(p))]
	}
	return w.in.Read(p)
}

func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(p)
}
func (w *wire) Close() error                     { return nil }
func (w *wire) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (w *wire) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// invented are the only bytes that the gate may make up for an engine.
var invented = map[string]bool{"*\r\n": true, " (\r\n": true, "\r\n": true}

// rewritten matches the lines that SMTP's framing may write anew: a whole message in place of its chunks, an address that
// the engine would misread, a number that is too large for it, a command without the spaces behind it.
var rewritten = regexp.MustCompile(`^(BDAT \d+ LAST|RSET|NOOP|QUIT|DATA|VRFY|HELP|EXPN|SEND|SOML|SAML|TURN|STARTTLS|(?i:MAIL +FROM|RCPT +TO):.*)\r\n$`)

// units runs a gate over input with an engine that answers like the real one. It returns what the engine was given,
// read by read, and what the client received. whole gives the engine a buffer that most units fit into.
func units(t testing.TB, name string, input []byte, seed uint64, whole bool, engine func(c *gate.Conn, read func() ([]byte, bool))) (given [][]byte, out string) {
	t.Helper()
	w := &wire{in: bytes.NewReader(input), rnd: rand.New(rand.NewPCG(seed, 1))}
	done := make(chan struct{})
	cfg := gate.Config{
		Rig: &gate.Rig{
			Masker: protocol.NewMasker(all.Protocols()), Domain: "rig", MaxMessageBytes: 1 << 20,
			Certificate: func(string) (*tls.Certificate, error) { return nil, errors.New("no TLS here") },
		},
		Protocol: protocol.Find(all.Protocols(), name), StartTLS: true,
		Recorder: event.NewRing(event.Options{}).Begin(event.Info{}),
		OnDone:   func() { close(done) },
		Engine: func(c *gate.Conn) {
			go func() {
				defer c.Close()
				buf := make([]byte, 8192)
				engine(c, func() ([]byte, bool) {
					size := len(buf)
					if !whole {
						size = 1 + w.rnd.IntN(size)
					}
					n, err := c.Read(buf[:size])
					if n > 0 {
						given = append(given, bytes.Clone(buf[:n]))
					}
					return buf[:n], err == nil
				})
			}()
		},
	}
	gate.New(w, cfg).Run()
	select {
	case <-done:
	case <-time.After(hang):
		t.Fatalf("the gate hangs on %q", input)
	}
	return given, w.out.String()
}

// checkSegments fails unless the pieces given come from the input, in order and without overlap. This proves that the
// gate neither invents nor repeats bytes.
func checkSegments(t testing.TB, input []byte, given [][]byte) {
	t.Helper()
	rest := input
	for _, g := range given {
		i := bytes.Index(rest, g)
		if i < 0 {
			if invented[string(g)] || rewritten.Match(g) {
				continue
			}
			t.Fatalf("the engine was given %q, which isn't in what is left of the input %q", g, rest)
		}
		rest = rest[i+len(g):]
	}
}

// lineReader reads lines from the gate as an engine's bufio.Reader would, and no further than the gate allows.
type lineReader struct {
	read func() ([]byte, bool)
	buf  []byte
}

func (l *lineReader) line() (string, bool) {
	for {
		if i := bytes.IndexByte(l.buf, '\n'); i >= 0 {
			line := string(l.buf[:i+1])
			l.buf = l.buf[i+1:]
			return line, true
		}
		b, ok := l.read()
		l.buf = append(l.buf, b...)
		if !ok && bytes.IndexByte(l.buf, '\n') < 0 {
			return "", false
		}
	}
}

func (l *lineReader) bytes(n int) bool {
	for len(l.buf) < n {
		b, ok := l.read()
		l.buf = append(l.buf, b...)
		if !ok && len(l.buf) < n {
			return false
		}
	}
	l.buf = l.buf[n:]
	return true
}

// smtpEngine answers like go-smtp, as far as framing is concerned.
func smtpEngine(c *gate.Conn, read func() ([]byte, bool)) {
	l := &lineReader{read: read}
	fmt.Fprint(c, "220 rig\r\n")
	for {
		line, ok := l.line()
		if !ok {
			return
		}
		f := strings.Fields(strings.ToUpper(line))
		switch {
		case len(f) == 0:
			fmt.Fprint(c, "500 what\r\n")
		case f[0] == "DATA" && len(f) == 1:
			fmt.Fprint(c, "354 go\r\n")
			for {
				line, ok := l.line()
				if !ok {
					return
				}
				if line == ".\r\n" {
					break
				}
			}
			fmt.Fprint(c, "250 queued\r\n")
		case f[0] == "BDAT" && len(f) > 1:
			var n int
			fmt.Sscan(f[1], &n)
			if !l.bytes(n) {
				return
			}
			fmt.Fprint(c, "250 chunk\r\n")
		case f[0] == "AUTH" && len(f) > 1:
			fmt.Fprint(c, "334 \r\n")
			if _, ok := l.line(); !ok {
				return
			}
			fmt.Fprint(c, "235 ok\r\n")
		case f[0] == "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

// imapEngine answers like imapserver, as far as framing is concerned. It refuses a command whose verb begins with N
// before it reads the literal.
func imapEngine(c *gate.Conn, read func() ([]byte, bool)) {
	l := &lineReader{read: read}
	fmt.Fprint(c, "* OK rig\r\n")
	for {
		line, ok := l.line()
		if !ok {
			return
		}
		f := strings.Fields(line)
		if len(f) < 2 {
			fmt.Fprint(c, "* BAD engine saw no command\r\n")
			continue
		}
		tag, verb := f[0], strings.ToUpper(f[1])
		done := false
		for !done {
			n, sync, has := announced(line)
			switch {
			case verb == "AUTHENTICATE" || verb == "IDLE":
				fmt.Fprint(c, "+ \r\n")
				if _, ok := l.line(); !ok {
					return
				}
				done = true
			case !has:
				done = true
			case verb[0] == 'N':
				fmt.Fprintf(c, "%s BAD no\r\n", tag)
				done, tag = true, ""
			default:
				if sync {
					fmt.Fprint(c, "+ go\r\n")
				}
				if !l.bytes(n) {
					return
				}
				if line, ok = l.line(); !ok {
					return
				}
			}
		}
		if tag != "" {
			fmt.Fprintf(c, "%s OK done\r\n", tag)
		}
	}
}

func announced(line string) (n int, sync, ok bool) {
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	i := strings.LastIndexByte(line, '{')
	if i < 0 || !strings.HasSuffix(line, "}") {
		return 0, false, false
	}
	digits := line[i+1 : len(line)-1]
	sync = true
	if len(digits) > 1 && strings.ContainsAny(digits[len(digits)-1:], "+-") {
		sync, digits = false, digits[:len(digits)-1]
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false, false
		}
	}
	if digits == "" || len(digits) > 9 {
		return 0, false, false
	}
	fmt.Sscan(digits, &n)
	return n, sync, true
}

func pop3Engine(c *gate.Conn, read func() ([]byte, bool)) {
	l := &lineReader{read: read}
	fmt.Fprint(c, "+OK rig\r\n")
	for {
		line, ok := l.line()
		if !ok {
			return
		}
		f := strings.Fields(strings.ToUpper(line))
		switch {
		case len(f) > 1 && f[0] == "AUTH":
			fmt.Fprint(c, "+ \r\n")
			if _, ok := l.line(); !ok {
				return
			}
			fmt.Fprint(c, "+OK\r\n")
		case len(f) > 0 && f[0] == "RETR":
			fmt.Fprint(c, "+OK\r\n.. x\r\n.\r\n")
		default:
			fmt.Fprint(c, "-ERR\r\n")
		}
	}
}

var engines = map[string]func(*gate.Conn, func() ([]byte, bool)){"smtp": smtpEngine, "imap": imapEngine, "pop3": pop3Engine}

// TestEverythingArrives checks that every byte of a well-behaved client reaches the engine, however the bytes are split
// into segments.
func TestEverythingArrives(t *testing.T) {
	t.Parallel()
	const envelope = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"
	long := strings.Repeat("x", 9000)
	for protocol, input := range map[string]string{
		"smtp": "EHLO a\r\n" + envelope + "DATA\r\nSubject: x\r\n\r\n..\r\nQUIT\r\n" + long + "\r\n\r.\r\n.x\r\n.\r\n" +
			envelope + "BDAT 5000 LAST\r\n" + long[:4990] + "\r\nQUIT\r\n\r\n" + envelope + "BDAT 0 LAST\r\nAUTH LOGIN\r\n" + long +
			"\r\nNOOP " + long + "\nRSET\r\nQUIT\r\n",
		"imap": "a1 LOGIN {5}\r\nalice {6+}\r\nsecret\r\na2 APPEND INBOX (\\Seen) {9000+}\r\n" + long + "\r\na3 APPEND x {12}\r\na LOGOUT\r\n\r\n\r\n" +
			"a4 AUTHENTICATE PLAIN\r\n" + long[:4000] + "\r\na5 IDLE\r\nDONE\r\na6 UID FETCH 1:* " + long + "\r\na7 SELECT {0}\r\n\r\na8 LOGOUT\r\n",
		"pop3": "USER a\r\nPASS b\r\nAUTH PLAIN\r\n" + long + "\r\nRETR 1\r\nNOOP " + long + "\r\nQUIT\r\n",
	} {
		for seed := range uint64(200) {
			given, out := units(t, protocol, []byte(input), seed, false, engines[protocol])
			if got := bytes.Join(given, nil); string(got) != input {
				t.Fatalf("%s, seed %d: the engine got\n%q\nof\n%q\nthe client got %q", protocol, seed, got, input, out)
			}
		}
	}
}

func fuzz(f *testing.F, protocol string, seeds ...string) {
	for i, s := range seeds {
		f.Add([]byte(s), uint64(i))
	}
	f.Fuzz(func(t *testing.T, input []byte, seed uint64) {
		given, _ := units(t, protocol, input, seed, true, engines[protocol])
		checkSegments(t, input, given)
	})
}

func FuzzSMTP(f *testing.F) {
	fuzz(f, "smtp", "EHLO x\r\nDATA\r\nx\r\n.\r\nQUIT\r\n", "BDAT 5 LAST\r\nhelloBDAT 3 x\r\nabcNOOP\r\n", "AUTH PLAIN\r\n*\r\n",
		"\x16\x03\x01hello", "STARTTLS\r\nNOOP\r\n", "DATA\r\n.\r\n.\r\n", "NOOP\nNOOP\r\n\r\n", "BDAT 99999999999\r\n",
		"EHLO x\r\nMAIL FROM:<\"a b\"@c> SIZE=99999999999\r\nRCPT TO:<x>\r\nBDAT 2\r\nhiBDAT 0 LAST\r\n")
}

func FuzzIMAP(f *testing.F) {
	fuzz(f, "imap", "a LOGIN {1}\r\nx {1+}\r\ny\r\nb NOOP\r\n", "a NOOP {3+}\r\nabc\r\nb NOOP\r\n", "a NOOP {3}\r\nb NOOP\r\n",
		"a AUTHENTICATE X\r\nabc\r\nb IDLE\r\nDONE\r\n", "a APPEND x {9999999+}\r\n", "a CREATE {1+}\r\nx {5000+}\r\n"+strings.Repeat("y", 5000)+"\r\nb NOOP\r\n",
		"a STARTTLS\r\nb NOOP\r\n", "a X {4097}\r\nb NOOP\r\n", "\r\n\r\n(\r\n")
}

func FuzzPOP3(f *testing.F) {
	fuzz(f, "pop3", "USER x\r\nPASS y\r\n", "AUTH X\r\nabc\r\nRETR 1\r\n", "STLS\r\nNOOP\r\n", "\n\n\r\n")
}
