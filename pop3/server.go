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
	// DefaultMaxLineLength is the longest line from the client in octets, including its end. RFC 2449 section 4 asks
	// for 255 octets in commands. RFC 5034 section 4 wants SASL responses of any length that the mechanisms need, and
	// access tokens are long. RFC 4954 section 4 allows 12,288 octets for the same thing in SMTP.
	DefaultMaxLineLength = 12288

	// maxSwallow is how many octets of an overlong line are read and discarded.
	maxSwallow = 1 << 20

	readBuffer  = 2 << 10
	writeBuffer = 4 << 10
)

// ErrServerClosed is returned by Serve after Close or Shutdown.
var ErrServerClosed = errors.New("pop3: server closed")

// Server serves POP3. Its fields must not change once it serves. The zero value with a Backend is usable: it has no
// timeouts and no STLS, and it refuses logins in clear.
type Server struct {
	Backend Backend

	// Greeting is the text of the first line. "" means "POP3 server ready". It must not contain <...>, which would
	// offer APOP (RFC 1939 section 7); LoginSession.Stamp does that.
	Greeting string

	// TLSConfig makes the server offer STLS. It isn't used for a connection that is already a *tls.Conn.
	TLSConfig *tls.Config

	// AllowInsecureAuth permits USER and AUTH on a connection that isn't TLS. Set it if TLS is done outside, by
	// something that isn't a *tls.Conn.
	AllowInsecureAuth bool

	// StuffBareLF also doubles a dot after an LF without CR. By RFC 1939 section 3, such a dot doesn't begin a line,
	// and a client that follows the RFC sees it doubled. But clients that read up to LF (Python's poplib, Go's
	// net/textproto) lose or misread what follows if the dot isn't doubled. Messages with CRLF throughout are the same
	// either way.
	StuffBareLF bool

	MaxLineLength int           // octets; 0 means DefaultMaxLineLength
	ReadTimeout   time.Duration // for one line from the client; it is also the autologout timer (RFC 1939 section 3: at least 10 minutes); 0 means none
	WriteTimeout  time.Duration // for one write to the network; 0 means none
	ErrorLog      *slog.Logger  // internal errors and panics; nil is silent

	mu        sync.Mutex
	closed    bool
	done      chan struct{} // made when first needed; closed when closed is set
	listeners map[net.Listener]struct{}
	conns     map[*Conn]struct{}
	active    sync.WaitGroup // counts every entry that was ever in conns
}

// NewServer returns a server with the timeouts of RFC 1939.
func NewServer(b Backend) *Server {
	return &Server{Backend: b, ReadTimeout: 10 * time.Minute, WriteTimeout: 5 * time.Minute}
}

// Serve accepts connections until the listener fails or the server is closed. It returns when every connection that it
// accepted has ended. The error is the listener's, or ErrServerClosed.
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
		// An error such as too many open files: it passes when connections end.
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

// isTemporary asks as net/http and go-smtp do. The method is deprecated for lack of a definition, but nothing else
// recognizes EMFILE portably.
func isTemporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// ServeConn serves one connection, closes it, and returns when it has ended.
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

// Close closes listeners and connections. It doesn't wait: Serve and ServeConn return when their work has ended. No
// session reaches its UPDATE state because of Close.
func (s *Server) Close() error {
	err := s.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.raw.Close()
	}
	return err
}

// Shutdown closes the listeners and waits until the connections have ended. If ctx is done before that, it closes them
// and returns the context's error.
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

// stop lets no new connections in.
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
