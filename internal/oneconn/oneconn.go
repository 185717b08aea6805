// Package oneconn provides a net.Listener with exactly one connection.
//
// The engines of go-smtp and go-imap can only serve listeners. With this package, the adapters smtpd and imapd give
// each phase of a connection, before and after STARTTLS, an engine of its own. The POP3 engine needs no listener: see
// pop3.Server.ServeConn.
package oneconn

import (
	"net"
	"sync/atomic"
)

// Listener hands out its connection once. After that, Accept returns net.ErrClosed. The engine's Serve then returns,
// while the connection's own goroutine goes on.
type Listener struct {
	conn net.Conn
	used atomic.Bool
}

// New returns a listener that accepts conn.
func New(conn net.Conn) *Listener { return &Listener{conn: conn} }

// Accept returns the connection on its first call and net.ErrClosed afterwards.
func (l *Listener) Accept() (net.Conn, error) {
	if l.used.Swap(true) {
		return nil, net.ErrClosed
	}
	return l.conn, nil
}

// Close does nothing: the engine closes the connection.
func (l *Listener) Close() error { return nil }

// Addr returns the address that the client connected to.
func (l *Listener) Addr() net.Addr { return l.conn.LocalAddr() }
