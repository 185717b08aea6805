package pop3

import (
	"bytes"
	"io"
	"net"
	"time"
)

// scriptConn is a connection whose client is a list of inputs, one for each Read.
type scriptConn struct {
	input  []string
	raw    bytes.Buffer // what the server wrote
	writes int
	closed bool
}

func (c *scriptConn) Read(p []byte) (int, error) {
	if len(c.input) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.input[0])
	c.input[0] = c.input[0][n:]
	if c.input[0] == "" {
		c.input = c.input[1:]
	}
	return n, nil
}

func (c *scriptConn) Write(p []byte) (int, error) {
	c.writes++
	c.raw.Write(p)
	return len(p), nil
}

func (c *scriptConn) Close() error                     { c.closed = true; return nil }
func (c *scriptConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *scriptConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *scriptConn) SetDeadline(time.Time) error      { return nil }
func (c *scriptConn) SetReadDeadline(time.Time) error  { return nil }
func (c *scriptConn) SetWriteDeadline(time.Time) error { return nil }
