package gate

import (
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/protocol"
)

// This file ends connections because a scenario's time is over.

// expires returns how long the gate waits for the client: idle, or until the scenario ends the connection.
func (g *Gate) expires(idle time.Duration) time.Duration {
	g.expiry = nil
	g.wmu.Lock()
	x, ok := g.fault.Expiry()
	g.wmu.Unlock()
	if !ok || x.In > idle {
		return idle
	}
	g.expiry = &x
	g.readBy = deadline{} // to the point, not nearly
	return max(x.In, 0)
}

// mute returns what the scenario says of the present IDLE; see fault.Conn.Mute. The goroutine that tells of news asks.
func (g *Gate) mute() (mute bool, by string, next time.Duration) {
	g.wmu.Lock()
	defer g.wmu.Unlock()
	return g.fault.Mute()
}

// idleOver tells the scenario that the client has ended its IDLE, if there was one.
func (g *Gate) idleOver() {
	if g.fault.Expires() {
		g.wmu.Lock()
		g.fault.IdleOver()
		g.wmu.Unlock()
	}
}

// expire ends the connection as the scenario wants it.
func (g *Gate) expire(x fault.Expiry) {
	g.fault.Expired(x)
	replies := g.cfg.Protocol.Replies
	switch {
	case x.Text != "":
		_ = g.say(replies.Write("*", x.Text), x.By)
	case x.Bye:
		if bye := replies.Canned(protocol.IdleTooLong, "", g.cfg.Domain); bye != nil {
			_ = g.say(bye, x.By)
		}
	}
	g.cut(x.End, x.By)
}

// vanish gives the socket away, which has become deaf. Nothing is sent any more, not even a FIN: the client isn't told.
func (g *Gate) vanish() {
	g.wmu.Lock()
	g.muted = true
	g.release()
	g.wmu.Unlock()
	g.once.Do(func() {
		close(g.closed)
		g.cfg.Park(g.raw.Conn)
		g.rec.EndHow(event.EndedByScenario, "")
	})
}
