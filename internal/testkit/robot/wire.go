package robot

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// Limits on what a robot reads.
const (
	maxRead    = 64 << 10 // in one read
	maxLine    = 2 << 20
	maxLiteral = 1 << 20
	maxLines   = 200_000
)

// wire is a connection to a door. mailrig's own client, internal/check, has a wire of its own: that one limits and
// quotes whatever a strange server says, and this one must be able to misbehave. All that they share is reading a line.
type wire struct {
	r        *robot
	conn     net.Conn
	in       *bufio.Reader
	old      []byte   // clear text that the careless robot keeps across STARTTLS
	heard    []string // lines of SMTP replies; only the careless robot keeps them
	patience time.Duration
	protocol string
	secure   bool
	stop     func() bool
}

// fate is the result of an attempt.
type fate int

const (
	lost  fate = iota // not connected, broken or silent
	later             // the server said "not now"
	unfit             // this door can't work, whatever the robot tries
	never             // refused permanently
)

// trouble is an attempt that failed.
type trouble struct {
	fate fate
	in   bool // already logged in
	// silent: nothing came in time.
	silent bool
	text   string
}

func (t *trouble) Error() string { return t.text }

func fail(f fate, format string, args ...any) *trouble {
	return &trouble{fate: f, text: fmt.Sprintf(format, args...)}
}

func fateOf(err error) fate {
	var t *trouble
	if errors.As(err, &t) {
		return t.fate
	}
	return lost
}

// dial connects to a door, first by IPv6 and then by IPv4, as a host with both does.
func (r *robot) dial(door int, protocol string) (*wire, error) {
	var last error
	hosts := []string{"::1", "127.0.0.1"}
	if r.Careless {
		hosts = hosts[:1]
	}
	for _, host := range hosts {
		d := net.Dialer{Timeout: r.Patience.Connect}
		conn, err := d.DialContext(r.ctx, "tcp", net.JoinHostPort(host, r.target.Ports[door]))
		if err != nil {
			last = err
			continue
		}
		w := &wire{r: r, conn: conn, in: bufio.NewReaderSize(conn, maxRead), protocol: protocol, patience: r.Patience.Reply}
		w.stop = context.AfterFunc(r.ctx, func() { _ = conn.Close() })
		return w, nil
	}
	return nil, fail(lost, "connect to door %d: %v", door, last)
}

func (w *wire) close() {
	w.stop()
	_ = w.conn.Close()
}

// deadline limits the wait for the next reply.
func (w *wire) deadline(d time.Duration) {
	var at time.Time
	if d > 0 {
		at = time.Now().Add(d)
	}
	_ = w.conn.SetDeadline(at) // what follows will show an error
}

func (w *wire) send(line string) error {
	w.deadline(w.patience)
	if _, err := io.WriteString(w.conn, line+"\r\n"); err != nil {
		return fail(lost, "send: %v", err)
	}
	return nil
}

func (w *wire) write(b []byte) error {
	w.deadline(w.patience)
	if _, err := w.conn.Write(b); err != nil {
		return fail(lost, "send: %v", err)
	}
	return nil
}

// line reads a line, without its end.
func (w *wire) line() (string, error) {
	if i := bytes.IndexByte(w.old, '\n'); i >= 0 {
		line := string(w.old[:i])
		w.old = w.old[i+1:]
		return strings.TrimRight(line, "\r"), nil
	}
	w.deadline(w.patience)
	if known := w.r.Known; known != nil && w.in.Buffered() == 0 {
		// The brittle robot takes what one read returns for the whole line.
		if _, err := w.in.Peek(1); err != nil {
			return "", fail(lost, "read: %v", err)
		}
		got, _ := w.in.Peek(w.in.Buffered())
		if bytes.IndexByte(got, '\n') < 0 && !known.Learning {
			return "", fail(never, "half a line: %q", got)
		}
	}
	line, err := w.in.ReadSlice('\n')
	for long := bytes.Clone(line); errors.Is(err, bufio.ErrBufferFull) && len(long) < maxLine; line = long {
		line, err = w.in.ReadSlice('\n')
		long = append(long, line...)
	}
	if err != nil {
		t := fail(lost, "read: %v", err)
		t.silent = errors.Is(err, os.ErrDeadlineExceeded)
		return "", t
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}

// bytes reads n bytes.
func (w *wire) bytes(n int) ([]byte, error) {
	if n > maxLiteral {
		return nil, fail(never, "a literal of %d bytes is too much", n)
	}
	b := make([]byte, n)
	for got := 0; got < n; {
		w.deadline(w.patience)
		m, err := w.in.Read(b[got:])
		if got += m; err != nil {
			return b[:got], fail(lost, "read: %v", err)
		}
	}
	return b, nil
}

// handshake begins TLS. It forgets what was read in clear and not used; the careless robot keeps that.
func (w *wire) handshake() error {
	cfg := w.r.target.TLS.Clone()
	if w.r.Careless {
		cfg.InsecureSkipVerify = true
		cfg.MinVersion = tls.VersionTLS10
		cfg.ServerName = ""
		w.old, _ = w.in.Peek(w.in.Buffered())
		w.old = bytes.Clone(w.old)
	}
	if !w.r.Careless {
		cfg.VerifyConnection = strongKeys
	}
	w.deadline(w.patience)
	conn := tls.Client(w.conn, cfg)
	if err := conn.HandshakeContext(w.r.ctx); err != nil {
		var lostIt net.Error
		if errors.As(err, &lostIt) || errors.Is(err, io.EOF) {
			return fail(lost, "handshake: %v", err)
		}
		return fail(unfit, "handshake: %v", err)
	}
	if known := w.r.Known; known != nil {
		s := conn.ConnectionState()
		shape := []string{fmt.Sprint(s.Version == tls.VersionTLS13)}
		for _, c := range s.PeerCertificates {
			shape = append(shape, c.Subject.String()+strings.Repeat(" name", min(10, len(c.DNSNames))))
		}
		if !known.usual("TLS", shape) {
			return fail(never, "an unusual handshake: %q", shape)
		}
	}
	w.conn, w.in, w.secure = conn, bufio.NewReaderSize(conn, maxRead), true
	return nil
}

// strongKeys rejects what crypto/tls accepts: an RSA key that is too short.
func strongKeys(s tls.ConnectionState) error {
	for _, c := range s.PeerCertificates {
		if k, ok := c.PublicKey.(*rsa.PublicKey); ok && k.N.BitLen() < 2048 {
			return fmt.Errorf("an RSA key of %d bits is too short", k.N.BitLen())
		}
	}
	return nil
}

// usual checks a reply against those that a brittle robot knows.
func (w *wire) usual(verb string, lines []string) error {
	if w.r.Known == nil || w.r.Known.usual(w.protocol+" "+verb, lines) {
		return nil
	}
	return fail(never, "an unusual reply to %s: %q", verb, lines)
}
