// Package oneconn is a net.Listener with exactly one connection. The engines of
// go-smtp and go-imap only serve listeners; the adapters give each phase of a
// connection an engine of its own through this.
package oneconn

import (
	"net"
	"sync/atomic"
)

// Listener hands out its connection once; after that, Accept returns an error
// that is net.ErrClosed, and the engine's Serve returns while the connection's
// own goroutine lives on.
type Listener struct {
	conn net.Conn
	used atomic.Bool
}

// New returns a listener that accepts conn.
func New(conn net.Conn) *Listener { return &Listener{conn: conn} }

// Accept returns the connection the first time.
func (l *Listener) Accept() (net.Conn, error) {
	if l.used.Swap(true) {
		return nil, net.ErrClosed
	}
	return l.conn, nil
}

// Close does nothing: the connection is its engine's to close.
func (l *Listener) Close() error { return nil }

// Addr is the address that the client connected to.
func (l *Listener) Addr() net.Addr { return l.conn.LocalAddr() }
