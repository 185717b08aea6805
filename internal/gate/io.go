package gate

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

var outputs = sync.Pool{New: func() any { b := make([]byte, 0, flushSize); return &b }}

// tap is the socket. It keeps the last bytes read, because crypto/tls hides an alert that an OpenSSL client sends in
// clear during a TLS 1.3 handshake.
type tap struct {
	net.Conn
	tail  [16]byte
	n     int          // number of valid bytes at the end of tail
	ours  atomic.Bool  // the gate is writing; all other writes are the TLS library's
	wrote atomic.Bool  // the library has written since the last read
	sent  atomic.Int64 // number of the alert that was last sent in clear; 0 if none
	reset atomic.Bool  // the client has reset the connection
	eof   atomic.Bool  // the client has closed its side
	lost  atomic.Bool  // a failed write has shown that the client is gone; writing an alert doesn't count
}

func (t *tap) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	t.hasRead(b[:n], err)
	return n, err
}

// hasRead takes note of what a read from the socket has returned.
func (t *tap) hasRead(b []byte, err error) {
	n := len(b)
	t.wrote.Store(false)
	if err != nil && !isTimeout(err) && !errors.Is(err, net.ErrClosed) {
		t.eof.Store(true)
		if errors.Is(err, syscall.ECONNRESET) {
			t.reset.Store(true)
		}
	}
	if n >= len(t.tail) {
		copy(t.tail[:], b[n-len(t.tail):n])
		t.n = len(t.tail)
	} else if n > 0 {
		copy(t.tail[:], t.tail[n:])
		copy(t.tail[len(t.tail)-n:], b[:n])
		t.n = min(len(t.tail), t.n+n)
	}
}

func (t *tap) Write(b []byte) (int, error) {
	if !t.ours.Load() {
		t.wrote.Store(true)
	}
	alert := len(b) == 7 && b[0] == 21 // a record in clear (RFC 8446 section 6)
	if alert {
		t.sent.Store(int64(b[6]))
	}
	n, err := t.Conn.Write(b)
	if err != nil && !alert && !isTimeout(err) && !errors.Is(err, net.ErrClosed) {
		t.lost.Store(true)
		if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
			t.reset.Store(true)
		}
	}
	return n, err
}

// sentAlert returns the number of the alert that was sent in clear, or 0.
func (t *tap) sentAlert() int { return int(t.sent.Load()) }

// last returns the last bytes read, at most 16.
func (t *tap) last() []byte { return t.tail[len(t.tail)-t.n:] }

// say sends a reply to the client after all earlier ones, and records it.
func (g *Gate) say(b []byte, injected string) error {
	g.wmu.Lock()
	defer g.wmu.Unlock()
	return g.sayLocked(b, injected)
}

// sayLocked is say. The caller holds g.wmu.
func (g *Gate) sayLocked(b []byte, injected string) error {
	if g.muted {
		return nil
	}
	g.rec.Reply(g.veiled(b), injected)
	if g.fault.Awaits() {
		g.answered(b)
	}
	return g.emit(b)
}

// sendBody sends bytes of a message or literal. The caller holds g.wmu.
func (g *Gate) sendBody(b []byte) error {
	if g.muted || len(b) == 0 {
		return nil
	}
	g.rec.Body(event.Server, b)
	return g.emit(b)
}

// emit gathers b, or sends it at once if the engine is waiting for the client. The caller holds g.wmu.
func (g *Gate) emit(b []byte) error {
	if g.werr != nil {
		return g.werr
	}
	if g.out == nil {
		g.out = outputs.Get().(*[]byte)
	}
	if len(*g.out)+len(b) > flushSize {
		g.send()
		for len(b) >= flushSize && g.werr == nil {
			g.write(b[:flushSize])
			b = b[flushSize:]
		}
		if g.out == nil {
			g.out = outputs.Get().(*[]byte)
		}
	}
	*g.out = append(*g.out, b...)
	if g.reading {
		g.send()
	}
	return g.werr
}

// send sends the gathered output. The caller holds g.wmu.
func (g *Gate) send() {
	if g.out == nil {
		return
	}
	if len(*g.out) > 0 {
		g.write(*g.out)
	}
	g.release()
}

func (g *Gate) write(b []byte) {
	if g.werr != nil {
		return
	}
	for g.pace.Bytes > 0 && len(b) > g.pace.Bytes && g.werr == nil {
		g.put(b[:g.pace.Bytes])
		b = b[g.pace.Bytes:]
		t := time.NewTimer(g.pace.Every)
		select {
		case <-t.C:
		case <-g.closed:
			t.Stop()
			g.werr = errClosed
		}
	}
	g.put(b)
}

// put writes bytes to the socket, or to the TLS layer above it.
func (g *Gate) put(b []byte) {
	if g.werr != nil {
		return
	}
	patience := g.cfg.writeTimeout()
	if g.leaving {
		patience = byeTime
	}
	g.writeBy.extend(patience, g.raw.SetWriteDeadline)
	g.raw.ours.Store(true)
	_, g.werr = g.conn.Write(b)
	g.raw.ours.Store(false)
	if g.werr != nil {
		g.left.Store(true)
		g.raw.Close() // wakes a Read that is waiting for this client
	}
}

func (g *Gate) release() {
	if g.out != nil {
		*g.out = (*g.out)[:0]
		outputs.Put(g.out)
		g.out = nil
	}
}

func (g *Gate) flush() error {
	g.wmu.Lock()
	defer g.wmu.Unlock()
	g.send()
	return g.werr
}

// wait is called before the reader blocks. It sends everything said so far. While the reader blocks, the engine's
// output (IDLE) goes out at once.
func (g *Gate) wait(idle time.Duration) {
	if g.hasty && !g.early {
		g.early = g.br.Try()
		g.hasty = g.early
	}
	g.wmu.Lock()
	g.send()
	g.reading = true
	g.wmu.Unlock()
	if g.cfg.IdleTimeout > 0 {
		idle = g.cfg.IdleTimeout
	}
	if g.fault.Expires() {
		idle = g.expires(idle)
	}
	g.readBy.extend(idle, g.raw.SetReadDeadline)
}

// deadline skips most calls that would move a deadline only a little. On a busy connection those calls would cost more
// than the rest of the gate.
type deadline struct{ at time.Time }

// slack is the fraction by which a deadline may come early: 1/64 of the time asked for.
const slack = 64

// extend makes sure that the deadline is about d from now.
func (l *deadline) extend(d time.Duration, set func(time.Time) error) {
	now := time.Now()
	if left := l.at.Sub(now); left > d || left < d-d/slack {
		l.at = now.Add(d)
		_ = set(l.at)
	}
}

func (g *Gate) waited() {
	g.wmu.Lock()
	g.reading = false
	g.wmu.Unlock()
}

// fill makes sure that at least one byte is buffered. It waits for the client if it must.
func (g *Gate) fill(idle time.Duration) error {
	if g.br.Buffered() > 0 {
		return nil
	}
	g.wait(idle)
	_, err := g.br.Peek(1)
	g.waited()
	return g.readError(err)
}

// readError records how reading ended.
func (g *Gate) readError(err error) error {
	if err == nil {
		return nil
	}
	g.left.Store(true)
	if isTimeout(err) {
		g.idled.Store(true)
	} else if g.tls != nil {
		g.leftTLS(err)
	}
	return err
}

// line reads one line, including its line end. It reads a line of more than limit bytes to its end and reports it as
// long; of such a line it returns the first lineHead bytes and the last bytes, at least lineTail. The result is valid
// until the next read.
//
// secret says that the line belongs to a login exchange: if the line never ends, its bytes aren't recorded.
func (g *Gate) line(limit int, idle time.Duration, secret bool) (line []byte, long bool, err error) {
	var gathered []byte
	for {
		if b, _ := g.br.Peek(g.br.Buffered()); bytes.IndexByte(b, '\n') < 0 && len(b) < g.br.Size() {
			g.wait(idle)
			line, err = g.br.ReadSlice('\n')
			g.waited()
		} else {
			line, err = g.br.ReadSlice('\n')
		}
		if err == bufio.ErrBufferFull {
			gathered = append(gathered, line...)
			if len(gathered) > limit {
				line, err = g.skipLine(gathered, idle)
				return line, true, err
			}
			continue
		}
		if err != nil {
			// What the client said before it left isn't a command, but it is recorded.
			if rest := append(gathered, line...); secret && len(rest) > 0 {
				g.rec.Answer([]byte(event.Mask))
			} else if len(rest) > 0 {
				g.overheard(rest)
			}
			return nil, false, g.readError(err)
		}
		if gathered != nil {
			line = append(gathered, line...)
		}
		return line, len(line) > limit, nil
	}
}

// lineHead is enough of the beginning of a line to hold a tag and a verb; lineTail is enough of its end to hold the
// announcement of a literal.
const lineHead, lineTail = 128, 32

// skipLine reads to the end of a line that is too long, and returns its first and last bytes. begun is what has been read
// of it. skipLine gives up after maxSwallow bytes.
func (g *Gate) skipLine(begun []byte, idle time.Duration) (ends []byte, err error) {
	last := func(b []byte) []byte { return b[max(0, len(b)-lineTail):] }
	head, tail := bytes.Clone(begun[:min(len(begun), lineHead)]), bytes.Clone(last(begun))
	for skipped := 0; skipped < maxSwallow; {
		g.wait(idle)
		b, err := g.br.ReadSlice('\n')
		g.waited()
		skipped += len(b)
		tail = bytes.Clone(last(append(tail, last(b)...)))
		if err == nil {
			return append(head, tail...), nil
		}
		if err != bufio.ErrBufferFull {
			return nil, g.readError(err)
		}
	}
	return nil, errTooLong
}

// swallow reads and discards n bytes, so that gate and client stay in step. secret keeps them out of the record.
func (g *Gate) swallow(n int64, idle time.Duration, secret bool) error {
	if n > maxSwallow {
		return errTooLong
	}
	for n > 0 {
		if err := g.fill(idle); err != nil {
			return err
		}
		k := int(min(n, int64(g.br.Buffered())))
		b, _ := g.br.Peek(k)
		if n -= int64(k); !secret {
			g.rec.Body(event.Client, b)
		} else if n == 0 {
			g.rec.Answer([]byte(event.Mask))
		}
		g.br.Discard(k)
	}
	return nil
}

// rawBytes reads message bytes: at most n, and no more than are buffered. If nothing is buffered and p is large, it reads
// into p at once.
func (g *Gate) rawBytes(p []byte, n int64, idle time.Duration) (int, error) {
	if whole := p[:min(int64(len(p)), n)]; len(whole) >= bufferSize && g.br.Buffered() == 0 {
		g.wait(idle)
		k, err := g.br.Read(whole)
		g.waited()
		if k > 0 {
			return k, nil
		}
		return 0, g.readError(err)
	}
	if err := g.fill(idle); err != nil {
		return 0, err
	}
	k := min(int64(len(p)), n, int64(g.br.Buffered()))
	return io.ReadFull(&g.br, p[:k])
}

// pause waits before a reply and reports whether the client is still connected afterwards. What the client says
// meanwhile stays in the buffer. spoke is how long the client had waited when it sent something; 0 means that it sent
// nothing, or that something was there from the start.
func (g *Gate) pause(d time.Duration) (connected bool, spoke time.Duration) {
	g.flush()
	began := time.Now()
	until := began.Add(d)
	silent := g.br.Buffered() == 0
	g.readBy = deadline{}
	g.raw.SetReadDeadline(until)
	for {
		have := g.br.Buffered()
		if have == g.br.Size() {
			break // the client talks too much; the timer must do
		}
		if _, err := g.br.Peek(have + 1); err != nil {
			if isTimeout(err) {
				return true, spoke
			}
			g.readError(err)
			return false, spoke
		}
		if silent {
			silent, spoke = false, time.Since(began)
		}
	}
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case <-t.C:
		return true, spoke
	case <-g.closed:
		return false, spoke
	}
}
