package gate

import (
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/protocol"
)

// This file ends connections because the server stops.

// byeTime is how long a client may take to accept the server's last words.
const byeTime = 250 * time.Millisecond

// Goodbye tells the client in its protocol's words that the server is shutting down (421, BYE or -ERR), as RFC 5321
// section 3.8 and RFC 9051 section 7.1.5 ask for, and ends the connection. If the client is sending a message, or waits
// for a reply, Goodbye leaves it open for the moment: closing while a client still sends would reset the connection, and
// the client might never read the words. Shutdown ends it.
//
// It says nothing to a client to whom a scenario says nothing, during a TLS handshake, and in the middle of a message to
// the client. It may wait as long as writing to the client does.
func (g *Gate) Goodbye() {
	g.raw.SetWriteDeadline(time.Now().Add(byeTime)) // ends a write to a client that doesn't read
	if told, idle := g.bid(); !told || idle {
		g.Shutdown()
	}
}

// bid says goodbye, if anything can be said. idle reports whether the client says nothing at the moment.
func (g *Gate) bid() (told, idle bool) {
	g.wmu.Lock()
	defer g.wmu.Unlock()
	c := g.cur.Load()
	if !g.speaking || g.muted || g.werr != nil || len(c.partial) > 0 || c.framing.InBody() {
		return false, false
	}
	g.leaving = true
	_ = g.sayLocked(g.cfg.Protocol.Replies.Canned(protocol.ShuttingDown, "", g.cfg.Domain), "")
	g.send()
	g.muted = true // nothing may follow
	if g.werr != nil {
		return false, false
	}
	if g.tls != nil {
		_ = g.tls.CloseWrite()
	}
	if t, ok := g.raw.Conn.(interface{ CloseWrite() error }); ok {
		_ = t.CloseWrite()
	}
	g.bade.Store(true)
	return true, g.reading && !g.receiving.Load()
}

// Shutdown ends the connection from outside, whatever it is doing. Without a Goodbye it resets it.
func (g *Gate) Shutdown() {
	if g.bade.Load() {
		g.leave()
		return
	}
	g.end(true, event.EndedByShutdown)
}

// leave closes the socket after a goodbye. It waits for nobody.
func (g *Gate) leave() {
	g.once.Do(func() {
		close(g.closed)
		ended := g.how(fault.EndClose) // before closing, which a Read would take for the client's end
		g.raw.Close()
		g.rec.EndHow(event.EndedByShutdown, ended)
	})
}
