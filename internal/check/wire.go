package check

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits on what a server may send.
const (
	maxLine    = 8 << 10  // bytes in a line
	maxLines   = 256      // lines in a reply
	maxLiteral = 64 << 10 // bytes in an IMAP literal
	maxText    = 300      // runes of a server's text in the report
)

var (
	errLongLine  = errors.New("a line is longer than 8 KiB")
	errLongReply = errors.New("a reply doesn't end")
	errSyntax    = errors.New("an answer isn't in the protocol's form")
)

// wire is a conversation, line by line. Each wait has a limit.
type wire struct {
	net.Conn
	in      *bufio.Reader
	seen    *firstBytes
	tape    *tape
	timeout time.Duration
	ctx     context.Context // ends when the time for all of it is over
	stop    func() bool
}

func newWire(ctx context.Context, conn net.Conn, timeout time.Duration, t *tape) *wire {
	seen := &firstBytes{Conn: conn}
	w := &wire{Conn: seen, seen: seen, tape: t, timeout: timeout, in: bufio.NewReaderSize(seen, maxLine)}
	w.within(ctx)
	return w
}

// within limits what follows by ctx. When ctx ends, nothing waits any longer.
func (w *wire) within(ctx context.Context) {
	if w.stop != nil {
		w.stop()
	}
	w.ctx = ctx
	w.stop = context.AfterFunc(ctx, w.interrupt)
	w.wait()
}

// over reports whether ctx has ended, or its deadline has passed. A connection with the same deadline may notice it a
// moment before ctx.
func over(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(end)
}

func (w *wire) interrupt() { _ = w.seen.Conn.SetDeadline(time.Unix(1, 0)) }

// wait begins a new wait.
func (w *wire) wait() {
	t := time.Now().Add(w.timeout)
	if end, ok := w.ctx.Deadline(); ok && end.Before(t) {
		t = end
	}
	_ = w.seen.Conn.SetDeadline(t)
	if w.ctx.Err() != nil { // ctx may have ended meanwhile, unnoticed
		w.interrupt()
	}
}

func (w *wire) close() {
	w.stop()
	_ = w.Conn.Close()
}

// upgrade continues inside TLS. What was read before and not used is lost.
func (w *wire) upgrade(conn net.Conn) {
	w.Conn = conn
	w.in = bufio.NewReaderSize(conn, maxLine)
	w.tape.secured()
}

// line reads a line without its end.
func (w *wire) line() (string, error) {
	b, err := w.in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", errLongLine
	case err != nil:
		return string(b), err
	}
	line := strings.TrimRight(string(b), "\r\n")
	w.tape.got(line)
	return line, nil
}

// readBytes reads n bytes.
func (w *wire) readBytes(n int) (string, error) {
	if n < 0 || n > maxLiteral {
		return "", errLongReply
	}
	b := make([]byte, n)
	_, err := io.ReadFull(w.in, b)
	return string(b), err
}

func (w *wire) send(line string) error {
	w.wait()
	w.tape.sent(line)
	_, err := io.WriteString(w.Conn, line+"\r\n")
	return err
}

// firstBytes keeps the first bytes that came. They identify a server that doesn't speak what it should.
type firstBytes struct {
	net.Conn
	first []byte
	since []byte // first bytes since mark was called
}

func (f *firstBytes) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	f.first = keep(f.first, p[:n])
	f.since = keep(f.since, p[:n])
	return n, err
}

// mark begins to keep bytes again.
func (f *firstBytes) mark() { f.since = nil }

func keep(have, more []byte) []byte {
	const enough = 512
	if room := enough - len(have); room > 0 {
		have = append(have, more[:min(room, len(more))]...)
	}
	return have
}

// identify returns what speaks like this: a protocol's name, http, ssh, tls, or "".
func identify(b []byte) string {
	if len(b) >= 2 && b[0] >= 0x14 && b[0] <= 0x17 && b[1] == 3 {
		return "tls"
	}
	s := strings.ToUpper(strings.TrimLeft(string(b[:min(len(b), 64)]), " \t\r\n"))
	for _, p := range protocols() {
		if speak(p).greets(s) {
			return string(p)
		}
	}
	switch {
	case strings.HasPrefix(s, "HTTP/"), strings.HasPrefix(s, "<!DOCTYPE"), strings.HasPrefix(s, "<HTML"):
		return "http"
	case strings.HasPrefix(s, "SSH-"):
		return "ssh"
	}
	return ""
}

func beginsWith(s string, beginnings ...string) bool {
	return slices.ContainsFunc(beginnings, func(b string) bool { return strings.HasPrefix(s, b) })
}

// clean makes a server's text safe to show: one line, short, without characters that control a terminal.
func clean(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\r' || r == '\n' || r == '\t' }), " ")
	s = cleanLong(s)
	if utf8.RuneCountInString(s) > maxText {
		s = string([]rune(s)[:maxText]) + "…"
	}
	return strings.TrimSpace(s)
}

// firstLine returns the first line that a stranger said, short enough to quote.
func firstLine(b []byte) string {
	s, _, _ := strings.Cut(strings.TrimLeft(string(b), "\r\n"), "\n")
	if s = strings.TrimRight(s, "\r"); len(s) > 80 {
		s = s[:80] + "…"
	}
	return clean(s)
}

// cleanLong cleans a line without shortening it.
func cleanLong(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

func cleanAll(list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, clean(s))
	}
	return out
}

// masked reports whether a firewall overwrites what the server says, as Cisco's SMTP inspection does.
func masked(texts ...string) bool {
	for _, s := range texts {
		if strings.Contains(s, "XXXXXXX") || strings.Contains(s, "********") {
			return true
		}
	}
	return false
}
