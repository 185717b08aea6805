package pop3

import (
	"bufio"
	"bytes"
	"errors"
	"strings"
	"testing"
)

func stuff(t testing.TB, raw []byte, bareLF bool, cut int) []byte {
	t.Helper()
	var out bytes.Buffer
	bw := bufio.NewWriterSize(&out, 16)
	w := &dotWriter{w: bw, bareLF: bareLF}
	for len(raw) > 0 {
		n := len(raw)
		if cut > 0 {
			n = min(n, cut)
		}
		if k, err := w.Write(raw[:n]); k != n || err != nil {
			t.Fatalf("Write: %d, %v", k, err)
		}
		raw = raw[n:]
	}
	if err := w.finish(); err != nil {
		t.Fatal(err)
	}
	bw.Flush()
	return out.Bytes()
}

// unstuff reads a multi-line reply as a client does. It returns the message and what follows the terminator. eol is
// what the client takes for a line end.
func unstuff(wire []byte, eol string) (message, rest []byte, ok bool) {
	for {
		i := bytes.Index(wire, []byte(eol))
		if i < 0 {
			return message, nil, false
		}
		line := wire[:i+len(eol)]
		wire = wire[i+len(eol):]
		if line[0] == '.' {
			if text := strings.TrimRight(string(line), "\r\n"); text == "." && len(line) <= 3 {
				return message, wire, true
			}
			line = line[1:]
		}
		message = append(message, line...)
	}
}

func FuzzDotStuffing(f *testing.F) {
	for _, s := range []string{
		"", ".", "..", "\r", "\n", "\r\n", ".\r\n", "a\r\n.\r\nb", "a\n.\nb", "a\r.\rb", "\r\n\r\n.\r\n",
		"a\r\n..\r\n.b\r\n", "\n.", "\r\n.", "a\r\r\n.", "\n\r\n.\n", ".\n.\r\n.\r.",
	} {
		f.Add([]byte(s), 0)
		f.Add([]byte(s), 1)
		f.Add([]byte(s), 2)
	}
	f.Fuzz(func(t *testing.T, raw []byte, cut int) {
		sent := raw
		if n := WireSize(raw); n != int64(len(raw)) {
			sent = append(bytes.Clone(raw), '\r', '\n')
			if n != int64(len(sent)) {
				t.Fatalf("WireSize %d of %d octets", n, len(raw))
			}
		} else if len(raw) > 0 && !bytes.HasSuffix(raw, crlf) {
			t.Fatal("WireSize doesn't count the CRLF that is added")
		}
		for _, mode := range []struct {
			bareLF bool
			eol    string
		}{{false, "\r\n"}, {true, "\n"}} {
			wire := stuff(t, raw, mode.bareLF, cut)
			got, rest, ok := unstuff(wire, mode.eol)
			if !ok || len(rest) != 0 || !bytes.Equal(got, sent) {
				t.Errorf("bareLF %v, cut %d: message %q, on the wire %q, unstuffed %q, behind it %q", mode.bareLF, cut, raw, wire, got, rest)
			}
		}
	})
}

func FuzzTop(f *testing.F) {
	f.Add([]byte("A: b\r\n\r\n1\r\n2\r\n"), 1, 3)
	f.Add([]byte("A: b\n\n1\n2\n"), 0, 1)
	f.Add([]byte("\r\n1\r\n2"), 1, 1)
	f.Fuzz(func(t *testing.T, raw []byte, lines, cut int) {
		if lines < 0 || cut <= 0 || lines > 1<<20 {
			t.Skip()
		}
		var out bytes.Buffer
		bw := bufio.NewWriter(&out)
		w := &topWriter{w: &dotWriter{w: bw}, lines: lines}
		for p := raw; len(p) > 0; {
			n := min(cut, len(p))
			if _, err := w.Write(p[:n]); errors.Is(err, errTopDone) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			p = p[n:]
		}
		w.w.finish()
		bw.Flush()
		got, _, ok := unstuff(out.Bytes(), "\r\n")
		// The same, computed from whole lines.
		var want []byte
		body, left := false, lines
		for line := range bytes.Lines(raw) {
			if body && left == 0 {
				break
			}
			want = append(want, line...)
			if body {
				left--
			} else if line[len(line)-1] == '\n' && len(bytes.Trim(line, "\r\n")) == 0 {
				body = true
			}
		}
		if len(want) > 0 && !bytes.HasSuffix(want, crlf) {
			want = append(want, crlf...)
		}
		if !ok || !bytes.Equal(got, want) {
			t.Errorf("TOP %d of %q cut by %d: %q, want %q", lines, raw, cut, got, want)
		}
	})
}

// FuzzServer is a hostile client. Whatever it sends, the connection ends, the session is logged out, and each output
// line is a reply.
func FuzzServer(f *testing.F) {
	f.Add([]byte("USER u\r\nPASS pass word\r\nLIST\r\nRETR 1\r\nTOP 2 1\r\nDELE 1\r\nRSET\r\nQUIT\r\n"))
	f.Add([]byte("AUTH PLAIN\r\nAHUAcGFzcyB3b3Jk\r\nUIDL\r\n"))
	f.Add([]byte("AUTH X-FINAL dQ==\r\n\r\nSTAT\r\nCAPA"))
	f.Fuzz(func(t *testing.T, input []byte) {
		b := newTestBackend()
		conn := &scriptConn{input: []string{string(input)}}
		if len(input) == 0 {
			conn.input = nil
		}
		(&Server{Backend: b, AllowInsecureAuth: true}).ServeConn(conn)
		if _, locked, open := b.state(); locked || open != 0 || !conn.closed {
			t.Errorf("locked %v, %d sessions open, closed %v", locked, open, conn.closed)
		}
		if out := conn.raw.Bytes(); !bytes.HasPrefix(out, []byte("+OK ")) || !bytes.HasSuffix(out, crlf) {
			t.Errorf("output %q", out)
		}
	})
}

func BenchmarkStuff(b *testing.B) {
	raw := []byte(strings.Repeat(strings.Repeat("x", 70)+"\r\n", 1<<14))
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		bw := bufio.NewWriterSize(discard{}, writeBuffer)
		(&dotWriter{w: bw}).Write(raw)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
