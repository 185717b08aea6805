package gate

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/protocol"
)

// Conn is the net.Conn that an engine sees during one phase of a connection. Setting its deadlines has no effect: the
// gate keeps its own.
type Conn struct {
	g        *Gate
	port     *port
	framing  protocol.Framing
	secure   bool
	beside   Beside      // nil: the engine has all commands
	detached atomic.Bool // STARTTLS has replaced this phase

	pending []byte // the rest of a unit that the engine hasn't read yet
	asking  asking // see Gone

	// Guarded by g.wmu.
	partial  []byte        // a line from the engine that isn't complete yet
	greeting bool          // the engine's next line is part of the greeting
	greet    *fault.Greet  // how to change the greeting; nil: swallow it
	instead  *fault.Action // what to say in place of the engine's reply to this command
	ending   *ending       // what the next Read does
	cutting  fault.Cut     // what happens to the message that the server is sending
	// The client's next line in a login exchange acknowledges a refusal.
	acknowledges bool
}

// ending says how the connection ends as soon as the engine is about to read again.
type ending struct {
	how fault.End
	by  string
}

// Gate returns the connection's gate.
func (c *Conn) Gate() *Gate { return c.g }

// Secure reports whether this phase is inside TLS.
func (c *Conn) Secure() bool { return c.secure }

// Peer returns the certificates that the client presented, its own certificate first.
func (c *Conn) Peer() []*x509.Certificate {
	state, _ := c.g.TLSState()
	return state.PeerCertificates
}

// Acknowledges says that the client's next line acknowledges a refusal.
func (c *Conn) Acknowledges() {
	c.g.wmu.Lock()
	defer c.g.wmu.Unlock()
	c.acknowledges = true
}

// Hide hides a challenge, which the engine is about to send in base64, from the record.
func (c *Conn) Hide(challenge []byte) {
	c.g.wmu.Lock()
	defer c.g.wmu.Unlock()
	c.g.hidden = append(c.g.hidden, base64.StdEncoding.AppendEncode(nil, challenge))
}

// Mute reports whether the present IDLE stays silent now, and returns the scenario that says so when it begins to. It
// must be asked again after next; 0 means that nothing will change.
func (c *Conn) Mute() (mute bool, by string, next time.Duration) { return c.g.mute() }

// Refused calls Gate.Refused.
func (c *Conn) Refused(by string) { c.g.Refused(by) }

// Beside gives this phase the commands that are answered beside its engine. Call it before the engine starts.
func (c *Conn) Beside(b Beside) { c.beside = b }

// LoggedIn tells the gate that the engine begins in the authenticated state.
func (c *Conn) LoggedIn() { c.framing.LoggedIn() } // before the engine's first byte, so nobody else reads the framing yet

// Read returns at most one unit.
func (c *Conn) Read(p []byte) (n int, err error) {
	defer c.contain(&n, &err)
	return c.readUnit(p)
}

// contain is deferred by what reads: a bug in the gate must cost one connection, not the process.
func (c *Conn) contain(n *int, err *error) {
	if v := recover(); v != nil {
		c.g.cfg.logger().Error("panic in the gate", "panic", v, "stack", string(debug.Stack()))
		c.g.end(true, event.EndedByServer)
		*n, *err = 0, errClosed
	}
}

func (c *Conn) readUnit(p []byte) (int, error) {
	for len(c.pending) == 0 {
		if err := c.over(); err != nil {
			return 0, err
		}
		n, err := c.framing.Read(p)
		if n > 0 || err != nil {
			return n, err
		}
	}
	n := copy(p, c.pending)
	c.pending = c.pending[n:]
	return n, nil
}

// over returns an error if nothing more is read in this phase.
func (c *Conn) over() error {
	if c.detached.Load() {
		return io.EOF
	}
	select {
	case <-c.g.closed:
		return errClosed
	default:
	}
	c.g.wmu.Lock()
	e := c.ending
	c.g.wmu.Unlock()
	if e != nil {
		c.g.cut(e.how, e.by)
		return io.EOF
	}
	return nil
}

// Write takes the engine's output.
func (c *Conn) Write(p []byte) (int, error) {
	if c.detached.Load() {
		return 0, errClosed
	}
	g := c.g
	g.wmu.Lock()
	defer g.wmu.Unlock()
	if g.werr != nil {
		return 0, g.werr
	}
	total := len(p)
	for len(p) > 0 {
		if len(c.partial) == 0 && !c.greeting && c.framing.InBody() {
			n, err := c.framing.Write(p, false)
			if err != nil {
				return 0, err
			}
			p = p[n:]
			continue
		}
		i := bytes.IndexByte(p, '\n')
		if len(c.partial) > 0 && i >= 0 {
			c.partial = append(c.partial, p[:i+1]...)
			p = p[i+1:]
			line := c.partial
			for len(line) > 0 {
				n, err := c.serverLine(line)
				if err != nil {
					return 0, err
				}
				line = line[n:]
			}
			c.partial = c.partial[:0]
			continue
		}
		n, err := c.serverBytes(p, i)
		if err != nil {
			return 0, err
		}
		if n == 0 {
			c.partial = append(c.partial, p...)
			break
		}
		p = p[n:]
	}
	return total, nil
}

func (c *Conn) serverBytes(p []byte, eol int) (int, error) {
	if eol >= 0 {
		return c.serverLine(p[:eol+1])
	}
	return c.framing.Write(p, false)
}

// serverLine takes one complete line from the engine, or a piece of a body.
func (c *Conn) serverLine(line []byte) (int, error) {
	if !c.greeting {
		return c.framing.Write(line, true)
	}
	if c.framing.GreetingEnds(line) {
		c.greeting = false
	}
	g := c.g
	replies := g.cfg.Protocol.Replies
	switch {
	case c.greet == nil:
	case c.greet.Raw != "":
		if !c.greeting {
			return len(line), g.sayLocked([]byte(fault.Literals(c.greet.Raw)), c.greet.By)
		}
	case c.greet.Line != "":
		if !c.greeting {
			if replies.Closes(c.greet.Line, true) {
				c.ending = &ending{fault.EndClose, c.greet.By}
			}
			return len(line), g.sayLocked(replies.Greeting(c.greet.Line), c.greet.By)
		}
	default:
		edited, by := c.framing.EditGreeting(line)
		return len(line), g.sayLocked(edited, by)
	}
	return len(line), nil
}

// Dropping reports whether a scenario will refuse the message that the client is sending, after its last byte, or whether
// the client has been told that the server stops. If so, nobody may store it.
func (c *Conn) Dropping() bool {
	c.g.wmu.Lock()
	defer c.g.wmu.Unlock()
	return c.g.leaving || c.instead != nil && c.instead.Replace != "" && !c.g.cfg.Protocol.Replies.Positive(c.instead.Replace)
}

// Close is called by the engine when it is done or has lost its client.
func (c *Conn) Close() error {
	if c.detached.Load() {
		return nil
	}
	c.g.finish(event.EndedByServer)
	return nil
}

// LocalAddr returns the address that the client connected to.
func (c *Conn) LocalAddr() net.Addr { return c.g.raw.LocalAddr() }

// RemoteAddr returns the client's address.
func (c *Conn) RemoteAddr() net.Addr { return c.g.raw.RemoteAddr() }

// SetDeadline does nothing.
func (c *Conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (c *Conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }
