package httpapi

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Limit is how many connections several listeners together may hand out at a time. It answers further ones with status 503 and closes
// them, so that a client that holds many doesn't make the others hang.
type Limit struct {
	most int64
	open atomic.Int64
}

// NewLimit returns a limit.
func NewLimit(most int) *Limit { return &Limit{most: int64(most)} }

// Clear returns a listener that keeps to the limit. What comes from it is HTTP in clear.
func (l *Limit) Clear(inner net.Listener) net.Listener {
	return &limited{Listener: inner, limit: l, answer: tooMany}
}

// Encrypted is Clear for HTTP inside TLS: a client beyond the limit sees its connection closed.
func (l *Limit) Encrypted(inner net.Listener) net.Listener {
	return &limited{Listener: inner, limit: l}
}

type limited struct {
	net.Listener
	limit  *Limit
	answer string
}

const tooMany = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nRetry-After: 1\r\n\r\n" +
	"too many HTTP connections are open; close some, or try again later\n"

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.limit.open.Add(1) <= l.limit.most {
			return &counted{Conn: c, left: sync.OnceFunc(func() { l.limit.open.Add(-1) })}, nil
		}
		l.limit.open.Add(-1)
		c.SetWriteDeadline(time.Now().Add(time.Second)) // the answer fits into an empty socket's buffer
		_, _ = io.WriteString(c, l.answer)
		c.Close()
	}
}

// counted is a connection that says when it is closed.
type counted struct {
	net.Conn
	left func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.left()
	return c.Conn.Close()
}
