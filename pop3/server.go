package pop3

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Limits.
const (
	// DefaultMaxLineLength bounds a line from the client, its end included. RFC
	// 2449 section 4 asks for 255 octets in commands; RFC 5034 section 4 wants
	// SASL responses of whatever length the mechanisms need, and access tokens are
	// long. RFC 4954 section 4 gives 12288 for the same thing in SMTP.
	DefaultMaxLineLength = 12288

	// maxSwallow is how much of an overlong line is read and thrown away.
	maxSwallow = 1 << 20

	readBuffer  = 2 << 10
	writeBuffer = 4 << 10
)

// ErrServerClosed is returned by Serve after Close or Shutdown.
var ErrServerClosed = errors.New("pop3: server closed")

// Server serves POP3. Its fields must not change once it serves. The zero value
// with a Backend is usable; it then has no timeouts and no STLS, and refuses
// logins in clear.
type Server struct {
	Backend Backend

	// Greeting is the text of the first line, "POP3 server ready" when empty. It
	// must not contain <...>: that would offer APOP (RFC 1939 section 7).
	Greeting string

	// TLSConfig makes the server offer STLS. It isn't used for a connection that
	// is a *tls.Conn already.
	TLSConfig *tls.Config

	// AllowInsecureAuth permits USER and AUTH on a connection that isn't TLS. Set
	// it when TLS is done outside, by something that isn't a *tls.Conn.
	AllowInsecureAuth bool

	// StuffBareLF also doubles a dot after an LF without CR. By RFC 1939 section 3
	// such a dot doesn't begin a line, and a client that keeps to it sees it
	// doubled; but clients that read up to LF (Python's poplib, Go's net/textproto)
	// lose or misread what follows if it isn't. Messages that have CRLF throughout
	// are the same either way.
	StuffBareLF bool

	MaxLineLength int           // octets; 0: DefaultMaxLineLength
	ReadTimeout   time.Duration // for one line from the client, also the autologout timer (RFC 1939 section 3: at least 10 minutes); 0: none
	WriteTimeout  time.Duration // for one write to the network; 0: none
	ErrorLog      *slog.Logger  // internal errors and panics; nil: silent

	mu        sync.Mutex
	closed    bool
	done      chan struct{} // made when first needed; closed with closed
	listeners map[net.Listener]struct{}
	conns     map[*Conn]struct{}
	active    sync.WaitGroup // one for every entry ever in conns
}

// NewServer returns a server with the timeouts of RFC 1939.
func NewServer(b Backend) *Server {
	return &Server{Backend: b, ReadTimeout: 10 * time.Minute, WriteTimeout: 5 * time.Minute}
}

// Serve accepts connections until the listener fails or the server is closed. It
// returns when every connection that it accepted has ended too; the error is the
// listener's, or ErrServerClosed.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		l.Close()
		return ErrServerClosed
	}
	if s.listeners == nil {
		s.listeners = make(map[net.Listener]struct{})
	}
	s.listeners[l] = struct{}{}
	done := s.doneLocked()
	s.mu.Unlock()

	var conns sync.WaitGroup
	defer func() {
		conns.Wait()
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
	}()

	const maxDelay = time.Second
	delay := 5 * time.Millisecond
	for {
		c, err := l.Accept()
		if err == nil {
			delay = 5 * time.Millisecond
			conns.Go(func() { s.ServeConn(c) })
			continue
		}
		select {
		case <-done:
			return ErrServerClosed
		default:
		}
		// Such as too many open files: it passes when connections end.
		var ne net.Error
		if errors.As(err, &ne) && ne.Timeout() || isTemporary(err) {
			s.log().Warn("accept failed, trying again", "err", err, "delay", delay)
			select {
			case <-done:
				return ErrServerClosed
			case <-time.After(delay):
			}
			delay = min(2*delay, maxDelay)
			continue
		}
		return err
	}
}

// isTemporary asks in the way that net/http and go-smtp do; the method is
// deprecated for want of a definition, but nothing else tells EMFILE portably.
func isTemporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// ServeConn serves one connection and returns when it has ended. It closes it.
func (s *Server) ServeConn(nc net.Conn) {
	c := newConn(s, nc)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		nc.Close()
		return
	}
	if s.conns == nil {
		s.conns = make(map[*Conn]struct{})
	}
	s.conns[c] = struct{}{}
	s.active.Add(1)
	s.mu.Unlock()

	defer func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		s.active.Done()
	}()
	c.serve()
}

// Close closes listeners and connections. It doesn't wait: Serve and ServeConn
// return when their work has ended. No session gets to its UPDATE state by this.
func (s *Server) Close() error {
	err := s.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.raw.Close()
	}
	return err
}

// Shutdown closes the listeners and waits until the connections have ended by
// themselves. When ctx is done before that, it closes them and returns the
// context's error.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.stop()
	ended := make(chan struct{})
	go func() { // ends with the last connection
		s.active.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return err
	case <-ctx.Done():
		s.Close()
		return ctx.Err()
	}
}

// stop lets no new connection in.
func (s *Server) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.doneLocked())
	var errs []error
	for l := range s.listeners {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Server) doneLocked() chan struct{} {
	if s.done == nil {
		s.done = make(chan struct{})
	}
	return s.done
}

func (s *Server) maxLine() int {
	if s.MaxLineLength > 0 {
		return s.MaxLineLength
	}
	return DefaultMaxLineLength
}

func (s *Server) log() *slog.Logger {
	if s.ErrorLog != nil {
		return s.ErrorLog
	}
	return slog.New(slog.DiscardHandler)
}
