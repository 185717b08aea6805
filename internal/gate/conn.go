package gate

import (
	"bytes"
	"crypto/x509"
	"io"
	"net"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/transcript"
)

// Conn is the net.Conn that an engine sees in one phase of a connection. Its
// deadlines do nothing: the gate has its own.
type Conn struct {
	g        *Gate
	dialect  dialect
	secure   bool
	beside   Beside      // nil: the engine has all commands
	detached atomic.Bool // STARTTLS has replaced this phase

	pending []byte // rest of a unit that the engine hasn't taken yet

	// Guarded by g.wmu.
	partial  []byte        // a server line that isn't complete yet
	greeting bool          // the next server line is the greeting
	greet    *fault.Greet  // how it departs; nil: swallow it
	instead  *fault.Action // what to say instead of the engine's reply to this command
	said     string        // what a scenario answered last
	ending   *ending       // what the next Read does
	cutting  fault.Cut     // what becomes of the message that the server now sends
}

// ending is how a connection ends as soon as the engine is about to read on.
type ending struct {
	how fault.End
	by  string
}

// dialect is one protocol's framing.
type dialect interface {
	// read gives the engine its next unit: bytes into p, or none with c.pending set.
	read(p []byte) (int, error)
	// write takes the engine's output, complete lines or, inside a body or
	// literal, any bytes; it returns how many it took and wants to be called
	// again with the rest. g.wmu is held.
	write(p []byte, complete bool) (int, error)
	// inBody tells if the engine is in the middle of a literal or a message, whose lines
	// nobody needs to look at: write then takes any bytes, at least one.
	inBody() bool
	// greetingReply is a scenario's greeting as it goes over the wire.
	greetingReply(text string) []byte
	// last tells if this line of a greeting is its last.
	last(line []byte) bool
	// tagged is the tag of the command that is being answered; "" where there are none.
	tagged() string
	// editList edits the capability list of a line that has one; others it returns.
	editList(line []byte) []byte
}

// Gate returns the connection's gate.
func (c *Conn) Gate() *Gate { return c.g }

// Secure tells if this phase is inside TLS.
func (c *Conn) Secure() bool { return c.secure }

// Peer returns the certificates that the client presented, its own first.
func (c *Conn) Peer() []*x509.Certificate {
	state, _ := c.g.TLSState()
	return state.PeerCertificates
}

// Refused is Gate.Refused.
func (c *Conn) Refused(by string) { c.g.Refused(by) }

// Beside gives the phase commands beside its engine, before the engine starts.
func (c *Conn) Beside(b Beside) { c.beside = b }

// LoggedIn tells the gate that the engine begins in the authenticated state.
func (c *Conn) LoggedIn() {
	if d, ok := c.dialect.(*imap); ok {
		d.logged = true // before the engine's first byte: nobody else looks yet
	}
}

// Read returns at most one unit.
func (c *Conn) Read(p []byte) (n int, err error) {
	defer func() {
		// A fault of ours must cost one connection, not the process.
		if v := recover(); v != nil {
			c.g.cfg.Logger.Error("panic in the gate", "panic", v, "stack", string(debug.Stack()))
			c.g.end(true, transcript.EndedByServer)
			n, err = 0, errClosed
		}
	}()
	return c.readUnit(p)
}

func (c *Conn) readUnit(p []byte) (int, error) {
	for len(c.pending) == 0 {
		if c.detached.Load() {
			return 0, io.EOF
		}
		select {
		case <-c.g.closed:
			return 0, errClosed
		default:
		}
		c.g.wmu.Lock()
		e := c.ending
		c.g.wmu.Unlock()
		if e != nil {
			c.g.cut(e.how, e.by)
			return 0, io.EOF
		}
		n, err := c.dialect.read(p)
		if n > 0 || err != nil {
			return n, err
		}
	}
	n := copy(p, c.pending)
	c.pending = c.pending[n:]
	return n, nil
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
		if len(c.partial) == 0 && !c.greeting && c.dialect.inBody() {
			n, err := c.dialect.write(p, false)
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
	return c.dialect.write(p, false)
}

// serverLine takes one complete line, or part of a body.
func (c *Conn) serverLine(line []byte) (int, error) {
	if !c.greeting {
		return c.dialect.write(line, true)
	}
	if c.dialect.last(line) {
		c.greeting = false
	}
	g := c.g
	switch {
	case c.greet == nil:
	case c.greet.Raw != "":
		if !c.greeting {
			return len(line), g.sayLocked([]byte(c.greet.Raw), transcript.Reply, c.greet.By)
		}
	case c.greet.Line != "":
		if !c.greeting {
			if bye(c.greet.Line) {
				c.ending = &ending{fault.EndClose, c.greet.By}
			}
			return len(line), g.sayLocked(c.dialect.greetingReply(c.greet.Line), transcript.Reply, c.greet.By)
		}
	default:
		return len(line), g.sayLocked(c.dialect.editList(line), transcript.Reply, "")
	}
	return len(line), nil
}

// bye tells a greeting behind which a server closes: RFC 5321 section 3.8, RFC 9051
// section 7.1.5; POP3 has no way on from -ERR.
func bye(greeting string) bool {
	return strings.HasPrefix(greeting, "421") || strings.HasPrefix(greeting, "BYE") || strings.HasPrefix(greeting, "-ERR")
}

// Dropping tells if a scenario has the message refused that the client sends now, after
// its last byte: then nobody is to keep it.
func (c *Conn) Dropping() bool {
	c.g.wmu.Lock()
	defer c.g.wmu.Unlock()
	return c.instead != nil && len(c.instead.Replace) > 0 && c.instead.Replace[0] >= '4'
}

// Close is what the engine calls when it is done, or has lost its client.
func (c *Conn) Close() error {
	if c.detached.Load() {
		return nil
	}
	c.g.finish(transcript.EndedByServer)
	return nil
}

// LocalAddr is the address that the client connected to.
func (c *Conn) LocalAddr() net.Addr { return c.g.raw.LocalAddr() }

// RemoteAddr is the client's address.
func (c *Conn) RemoteAddr() net.Addr { return c.g.raw.RemoteAddr() }

// SetDeadline does nothing.
func (c *Conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (c *Conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }

// act does what the scenario wants of the command that fault.Event describes.
// handled means that the engine must not see it. format makes a wire reply of
// the scenario's text.
func (c *Conn) act(format func(text string) []byte, closes func(text string) bool) (handled bool, err error) {
	g := c.g
	a := g.fault.Command()
	c.said = ""
	if a.Delay > 0 {
		g.rec.Mark(transcript.Delayed, "reply delayed by "+a.Delay.String(), a.DelayBy)
		if !g.pause(a.Delay) {
			return true, io.EOF
		}
	}
	for _, said := range a.Say {
		if err := g.say(wireLines(said.Text), said.By); err != nil {
			return true, err
		}
	}
	if a.Replace != "" {
		if closes(a.Replace) && a.End == fault.EndNone {
			a.End = fault.EndClose
		}
		g.wmu.Lock()
		c.instead = &a
		g.wmu.Unlock()
		return false, nil
	}
	if a.Reply == "" && a.Raw == "" && a.End == fault.EndNone {
		return false, nil
	}
	if a.Raw != "" {
		if err := g.say(withTag(a.Raw, c.dialect.tagged()), a.By); err != nil {
			return true, err
		}
		c.said = a.Raw
	}
	if a.Reply != "" {
		if err := g.say(format(a.Reply), a.By); err != nil {
			return true, err
		}
		c.said = a.Reply
		if closes(a.Reply) && a.End == fault.EndNone {
			a.End = fault.EndClose
		}
	}
	if a.End != fault.EndNone {
		g.cut(a.End, a.By)
		return true, io.EOF
	}
	return true, nil
}

// tell passes a line of the engine's to the client, edited if a scenario wants it.
// by is who made it up already, "" for the engine. g.wmu is held.
func (c *Conn) tell(line []byte, by string) error {
	if !c.g.fault.Edits() {
		return c.g.sayLocked(line, transcript.Reply, by)
	}
	body := bytes.TrimRight(line, "\r\n")
	edited, who := c.g.fault.Edit(body)
	if who == "" {
		return c.g.sayLocked(line, transcript.Reply, by)
	}
	if len(edited) == 0 {
		c.g.rec.Injected(who)
		return nil
	}
	return c.g.sayLocked(append(bytes.Clone(edited), "\r\n"...), transcript.Reply, who)
}

// answer says the scenario's reply in the place of the engine's. g.wmu is held.
func (c *Conn) answer(format func(text string) []byte) error {
	a := c.instead
	c.instead = nil
	if a.End != fault.EndNone {
		c.ending = &ending{a.End, a.By}
	}
	return c.g.sayLocked(format(a.Replace), transcript.Reply, a.By)
}

// download passes bytes of a message to the client, up to where the scenario cuts
// it. g.wmu is held.
func (c *Conn) download(b []byte) error {
	cut := &c.cutting
	if cut.End == fault.EndNone {
		return c.g.sayLocked(b, transcript.Data, "")
	}
	n := min(int64(len(b)), cut.After)
	cut.After -= n
	err := c.g.sayLocked(b[:n], transcript.Data, "")
	if n < int64(len(b)) && c.ending == nil {
		c.ending = &ending{cut.End, cut.By}
		c.g.muted = true
		c.g.rec.Injected(cut.By)
	}
	return err
}

// withTag is a scenario's raw text with the command's tag in it.
func withTag(raw, tag string) []byte { return []byte(strings.ReplaceAll(raw, "{tag}", tag)) }

// wireLines gives each line of a scenario's text its CRLF.
func wireLines(text string) []byte {
	var b bytes.Buffer
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight(line, "\r\n") + "\r\n")
	}
	return b.Bytes()
}

// cut ends the connection for a scenario.
func (g *Gate) cut(how fault.End, by string) {
	event := transcript.Cut
	if how == fault.EndSilence {
		event = transcript.Silent
	}
	g.rec.Mark(event, "connection cut ("+string(how)+")", by)
	g.flush()
	if how == fault.EndSilence {
		g.wmu.Lock()
		g.muted = true
		g.wmu.Unlock()
		g.raw.SetReadDeadline(time.Time{})
		g.listen(g.br)
		how = fault.EndClose
	}
	if how == fault.EndClose {
		// Closing with bytes of the client's unread would be a reset.
		g.farewell(nil, transcript.EndedByScenario)
		return
	}
	g.shut(how, transcript.EndedByScenario)
}
