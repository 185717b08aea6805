package dialogue

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Pipe is the client's end of a connection in memory. It knows when the server has answered: the server then waits for
// the client and has read everything that the client sent. (An engine answers each command before it reads the next
// one.)
//
// Writing never blocks. Both ends ignore deadlines.
type Pipe struct{ link *link }

// NewPipe returns both ends of a connection.
func NewPipe() (*Pipe, net.Conn) {
	l := &link{}
	l.changed = sync.NewCond(&l.mu)
	return &Pipe{l}, &serverEnd{l}
}

type link struct {
	mu       sync.Mutex
	changed  *sync.Cond
	toServer []byte
	toClient []byte
	reading  bool // the server is waiting in Read
	left     bool // the client sends nothing more
	closed   bool // the server has closed it
}

// answered reports whether the server has nothing more to say to what it has received.
func (l *link) answered() bool {
	return l.closed || l.reading && len(l.toServer) == 0
}

// wait waits until ok is true. It reports whether that happened in time.
func (l *link) wait(ok func() bool) bool {
	late := false
	timer := time.AfterFunc(patience, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		late = true
		l.changed.Broadcast()
	})
	defer timer.Stop()
	for !ok() && !late {
		l.changed.Wait()
	}
	return ok()
}

// await waits until the server has answered with at least this many lines.
func (p *Pipe) await(t testing.TB, at *Line, lines int) {
	t.Helper()
	l := p.link
	l.mu.Lock()
	defer l.mu.Unlock()
	enough := func() bool { return l.closed || strings.Count(string(l.toClient), "\n") >= lines }
	if !l.wait(func() bool { return l.answered() && enough() }) {
		t.Fatalf("%s: want %q; the server says only %q", at.Where(), at.raw, l.toClient)
	}
}

// awaitLine waits for a line.
func (p *Pipe) awaitLine(t testing.TB, at *Line) {
	t.Helper()
	l := p.link
	l.mu.Lock()
	defer l.mu.Unlock()
	line := func() bool { return l.closed || strings.Contains(string(l.toClient), "\n") }
	if !l.wait(line) {
		t.Fatalf("%s: want %q; the server says only %q", at.Where(), at.raw, l.toClient)
	}
}

// awaitClose waits until the server closes the connection without another word.
func (p *Pipe) awaitClose(t testing.TB, at *Line) {
	t.Helper()
	l := p.link
	l.mu.Lock()
	defer l.mu.Unlock()
	switch closed := l.wait(func() bool { return l.closed }); {
	case len(l.toClient) > 0:
		t.Fatalf("%s: the server says %q instead of closing", at.Where(), l.toClient)
	case !closed:
		t.Fatalf("%s: the server doesn't close", at.Where())
	}
}

// line takes one line of what the server has said, with its end. If there is no line end, it takes what there is; ""
// means nothing.
func (p *Pipe) line() string {
	p.link.mu.Lock()
	defer p.link.mu.Unlock()
	for line := range strings.Lines(string(p.link.toClient)) {
		p.link.toClient = p.link.toClient[len(line):]
		return line
	}
	return ""
}

// Closed reports whether the server has closed the connection.
func (p *Pipe) Closed() bool {
	p.link.mu.Lock()
	defer p.link.mu.Unlock()
	return p.link.closed
}

// Read returns what the server says. It returns io.EOF after the server has closed the connection.
func (p *Pipe) Read(b []byte) (int, error) {
	l := p.link
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.toClient) == 0 && !l.closed {
		l.changed.Wait()
	}
	if len(l.toClient) == 0 {
		return 0, io.EOF
	}
	n := copy(b, l.toClient)
	l.toClient = l.toClient[n:]
	return n, nil
}

// Write sends b in one segment.
func (p *Pipe) Write(b []byte) (int, error) {
	l := p.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.left {
		return 0, io.ErrClosedPipe
	}
	l.toServer = append(l.toServer, b...)
	l.changed.Broadcast()
	return len(b), nil
}

// CloseWrite tells the server that the client sends nothing more.
func (p *Pipe) CloseWrite() error {
	p.link.mu.Lock()
	defer p.link.mu.Unlock()
	p.link.left = true
	p.link.changed.Broadcast()
	return nil
}

// Close is CloseWrite: what the server says afterwards can still be read.
func (p *Pipe) Close() error { return p.CloseWrite() }

// serverEnd is the server's end.
type serverEnd struct{ link *link }

func (s *serverEnd) Read(b []byte) (int, error) {
	l := s.link
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.toServer) == 0 && !l.left && !l.closed {
		l.reading = true
		l.changed.Broadcast()
		l.changed.Wait()
	}
	l.reading = false
	switch {
	case l.closed:
		return 0, net.ErrClosed
	case len(l.toServer) == 0:
		return 0, io.EOF
	}
	n := copy(b, l.toServer)
	l.toServer = l.toServer[n:]
	return n, nil
}

func (s *serverEnd) Write(b []byte) (int, error) {
	l := s.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, net.ErrClosed
	}
	l.toClient = append(l.toClient, b...)
	l.changed.Broadcast()
	return len(b), nil
}

func (s *serverEnd) Close() error {
	s.link.mu.Lock()
	defer s.link.mu.Unlock()
	s.link.closed = true
	s.link.changed.Broadcast()
	return nil
}

func (*Pipe) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*Pipe) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*Pipe) SetDeadline(time.Time) error      { return nil }
func (*Pipe) SetReadDeadline(time.Time) error  { return nil }
func (*Pipe) SetWriteDeadline(time.Time) error { return nil }

func (*serverEnd) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*serverEnd) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*serverEnd) SetDeadline(time.Time) error      { return nil }
func (*serverEnd) SetReadDeadline(time.Time) error  { return nil }
func (*serverEnd) SetWriteDeadline(time.Time) error { return nil }
