package pop3

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strings"
	"time"
)

type state int

const (
	authorization state = 1 << iota // RFC 1939 section 4
	transaction                     // RFC 1939 section 5
)

// Conn is one client's connection.
type Conn struct {
	server *Server
	raw    net.Conn // as given to ServeConn
	conn   net.Conn // raw, or TLS above it
	br     *bufio.Reader
	bw     *bufio.Writer

	armed     bool  // the read deadline is set for the line being read
	multiline bool  // between "+OK" of a multi-line reply and its terminator
	writeErr  error // first error from the network

	session  Session // nil before NewSession and after Logout
	state    state
	user     string // from USER, for a PASS that follows immediately
	gotUser  bool
	messages []Message
	deleted  []bool
	left     int   // messages not deleted
	leftSize int64 // in octets
}

func newConn(s *Server, nc net.Conn) *Conn {
	c := &Conn{server: s, raw: nc, conn: nc, state: authorization}
	c.br = bufio.NewReaderSize((*wire)(c), readBuffer)
	c.bw = bufio.NewWriterSize((*wire)(c), writeBuffer)
	return c
}

// NetConn returns the connection as it was given to the server. After STLS, this is what lies below TLS.
func (c *Conn) NetConn() net.Conn { return c.raw }

// TLSConnectionState returns the state of the TLS that the engine knows: that of STLS, or of a *tls.Conn given to it.
func (c *Conn) TLSConnectionState() (tls.ConnectionState, bool) {
	tc, ok := c.conn.(*tls.Conn)
	if !ok {
		return tls.ConnectionState{}, false
	}
	return tc.ConnectionState(), true
}

// Errors that end a connection without a reply.
var (
	errEnd  = errors.New("connection ends") // the reply is already written
	errLine = errors.New("line too long")   // the caller must write the reply; the connection goes on
	errHuge = errors.New("line too long to be swallowed")
)

var errInternal = &Error{Code: "SYS/TEMP", Text: "Internal error, please try again later"}

// serve handles a connection from beginning to end.
func (c *Conn) serve() {
	defer c.conn.Close()
	defer func() {
		v := recover()
		if v != nil {
			c.log("panic", fmt.Errorf("%v\n%s", v, debug.Stack()))
		}
		// Before the last write, which a client that doesn't read may delay.
		c.logout()
		c.guard(func() {
			if v != nil && !c.multiline { // an -ERR among the lines of a message would be taken for one of them
				c.reply("-ERR", errInternal.Error())
			}
			c.bw.Flush()
		})
		c.guard(func() { c.conn.Close() }) // STLS may have replaced it
	}()

	if err := c.handshake(); err != nil {
		c.log("TLS handshake failed", err)
		return
	}
	if !c.newSession() {
		return
	}
	greeting := c.server.Greeting
	if greeting == "" {
		greeting = "POP3 server ready"
	}
	if stamp := c.stamp(); stamp != "" {
		greeting += " " + stamp
	}
	c.ok("%s", greeting)

	for {
		line, err := c.readLine()
		if err == nil {
			err = c.command(line)
		}
		if err != nil && !c.fail(err) {
			return
		}
	}
}

// fail tells the client about an error. It reports whether the connection goes on.
func (c *Conn) fail(err error) bool {
	var reply *Error
	switch {
	case errors.As(err, &reply):
		c.reply("-ERR", reply.Error())
	case errors.Is(err, errLine):
		c.reply("-ERR", "Line too long")
	case errors.Is(err, errHuge):
		c.reply("-ERR", "Line too long, closing the connection")
		return false
	case errors.Is(err, errEnd):
		return false
	case isNetwork(err):
		// Also the autologout timer, which closes "without ... sending any response to the client" (RFC 1939 section
		// 3).
		return false
	default:
		c.log("session failed", err)
		c.reply("-ERR", errInternal.Error())
	}
	return true
}

// networkError marks an error from reading or writing the connection, so that it isn't taken for an error of the
// session.
type networkError struct{ error }

func (e networkError) Unwrap() error { return e.error }

func isNetwork(err error) bool {
	var ne networkError
	return errors.As(err, &ne)
}

// newSession asks the backend for a session. After a refusal the connection ends.
func (c *Conn) newSession() bool {
	session, err := c.server.Backend.NewSession(c)
	if err != nil {
		c.fail(err)
		return false
	}
	c.session = session
	return true
}

func (c *Conn) logout() {
	if s := c.session; s != nil {
		c.session = nil
		c.guard(s.Logout)
	}
}

// guard keeps a panic in f from preventing what comes after it.
func (c *Conn) guard(f func()) {
	defer func() {
		if v := recover(); v != nil {
			c.log("panic at the end of a connection", fmt.Errorf("%v\n%s", v, debug.Stack()))
		}
	}()
	f()
}

func (c *Conn) log(msg string, err error) {
	c.server.log().Error(msg, "remote", c.raw.RemoteAddr(), "err", err)
}

// handshake makes sure that the TLS state is known before NewSession asks for it.
func (c *Conn) handshake() error {
	tc, ok := c.conn.(*tls.Conn)
	if !ok {
		return nil
	}
	ctx := context.Background()
	if d := c.server.ReadTimeout; d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	return tc.HandshakeContext(ctx)
}

// wire is the connection below the buffers.
type wire Conn

// Read is called when no complete line is buffered. Replies wait until then, so that those to pipelined commands are
// sent together (RFC 2449 section 6.6).
func (w *wire) Read(p []byte) (int, error) {
	if err := w.bw.Flush(); err != nil {
		return 0, err
	}
	if d := w.server.ReadTimeout; d > 0 && !w.armed {
		w.armed = true // once per line: dribbling doesn't prolong it
		w.conn.SetReadDeadline(time.Now().Add(d))
	}
	return w.conn.Read(p)
}

func (w *wire) Write(p []byte) (int, error) {
	if d := w.server.WriteTimeout; d > 0 {
		w.conn.SetWriteDeadline(time.Now().Add(d))
	}
	n, err := w.conn.Write(p)
	if err != nil && w.writeErr == nil {
		w.writeErr = err
	}
	return n, err
}

// readLine returns a line without its end, which is CRLF or, leniently, LF. It discards the rest of a line that is too
// long (errLine), up to a limit (errHuge). Input that ends without a line end isn't a command.
func (c *Conn) readLine() (string, error) {
	c.armed = false
	limit := c.server.maxLine()
	var long []byte // the line so far, when it doesn't fit the buffer
	swallowed := 0
	for {
		part, err := c.br.ReadSlice('\n')
		full := errors.Is(err, bufio.ErrBufferFull)
		if err != nil && !full {
			return "", networkError{err}
		}
		if swallowed > 0 || len(long)+len(part) > limit {
			long = nil
			swallowed += len(part)
			if swallowed > maxSwallow {
				return "", errHuge
			}
			if !full {
				return "", errLine
			}
			continue
		}
		if full {
			long = append(long, part...)
			continue
		}
		if long != nil {
			part = append(long, part...)
		}
		return strings.TrimSuffix(string(part[:len(part)-1]), "\r"), nil
	}
}

func (c *Conn) ok(format string, args ...any) { c.reply("+OK", fmt.Sprintf(format, args...)) }

// maxReply is the longest reply line in octets, including its end (RFC 1939 section 3).
const maxReply = 512

// reply writes one line, whatever the text is. The next flush reports errors.
func (c *Conn) reply(status, text string) {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	line := strings.TrimRight(status+" "+text, " ")
	if len(line) > maxReply-2 {
		line = strings.ToValidUTF8(line[:maxReply-2], "")
	}
	c.bw.WriteString(line)
	c.bw.Write(crlf)
}

// lines writes the body of one of the engine's own multi-line replies.
func (c *Conn) lines(each func(w io.Writer)) {
	c.multiline = true
	w := dotWriter{w: c.bw}
	each(&w)
	w.finish()
	c.multiline = false
}
