package gate

import "time"

const (
	// goneTime is how long Gone waits for the client to say something. A read whose deadline has passed isn't even tried.
	goneTime = time.Millisecond
	// A client that may have left is asked soon, and again when the answer to that must have come; then seldom.
	asksSoon  = 2
	askAgain  = 50 * time.Millisecond
	askSeldom = 5 * time.Second
)

// asking is when a client was last sent something to find out whether it still reads.
type asking struct {
	times int
	last  time.Time
}

func (a *asking) due(now time.Time) bool {
	since := now.Sub(a.last)
	if since < askAgain || a.times >= asksSoon && since < askSeldom {
		return false
	}
	a.times, a.last = a.times+1, now
	return true
}

// Gone reports whether the client has left while the engine computes an answer. Only the goroutine that reads may call it,
// between two reads. What the client says meanwhile stays in the buffer.
//
// A client that has closed its side may still read (RFC 9293 section 3.6), as a script with netcat does. Only a write tells
// whether it does: Gone sends alive, a line that the protocol allows at any time. If nobody reads any more, a later call
// learns it. The same goes for a client that has said more than the buffer holds.
func (c *Conn) Gone(alive []byte) bool {
	g := c.g
	select {
	case <-g.closed:
		return true
	default:
	}
	if have := g.br.Buffered(); have < g.br.Size() {
		g.readBy = deadline{}
		g.raw.SetReadDeadline(time.Now().Add(goneTime))
		if _, err := g.br.Peek(have + 1); err == nil || isTimeout(err) {
			return false
		}
	}
	if g.raw.reset.Load() {
		g.left.Store(true)
		return true
	}
	if !c.asking.due(time.Now()) {
		return false
	}
	return g.say(alive, "") != nil || g.flush() != nil
}
