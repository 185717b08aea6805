package gate

import (
	"io"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
)

// This file defines the ways in which a connection ends.

// end closes the socket, once. hard sends an RST, without close_notify.
func (g *Gate) end(hard bool, by event.EndedBy) {
	if hard {
		g.shut(fault.EndReset, by)
	} else {
		g.shut(fault.EndClose, by)
	}
}

// shut closes the socket, once, in the given way.
func (g *Gate) shut(how fault.End, by event.EndedBy) {
	if how != fault.EndReset {
		g.flush() // not inside once.Do: a reset must not wait for this flush
	}
	g.once.Do(func() {
		if g.bade.Load() {
			by = event.EndedByShutdown
		} else if g.left.Load() && by == event.EndedByServer {
			by = event.EndedByClient
			if g.idled.Load() {
				by = event.EndedByTimeout
			}
		}
		close(g.closed)
		ended := g.how(how) // before closing, which a Read would take for the client's end
		switch how {
		case fault.EndReset:
			if t, ok := g.raw.Conn.(interface{ SetLinger(sec int) error }); ok {
				t.SetLinger(0)
			}
			g.raw.Close() // below TLS
		case fault.EndTruncate:
			g.raw.Close()
		default:
			g.conn.Close()
		}
		g.rec.EndHow(by, ended)
	})
}

// how says how the connection ended on the wire. If the client has left, the way in which it left counts.
func (g *Gate) how(ours fault.End) event.How {
	switch {
	case g.raw.reset.Load():
		return event.ByReset
	case g.raw.eof.Load():
		return event.ByFIN
	case ours == fault.EndReset:
		return event.ByReset
	case ours == fault.EndTruncate && g.tls != nil:
		return event.ByTruncated
	}
	return event.ByFIN
}

// finish releases what the gate holds. by counts only if nobody has ended the connection before.
func (g *Gate) finish(by event.EndedBy) {
	g.end(false, by)
	g.ended.Do(func() {
		g.fault.Close()
		_ = g.spool.Close() // there is nobody left to tell
		g.wmu.Lock()
		g.release()
		g.wmu.Unlock()
		g.br.Reset(nil)
		if g.cfg.OnDone != nil {
			g.cfg.OnDone()
		}
	})
}

// farewell writes a last reply and closes so that the reply isn't lost. A plain close while the client is still sending
// would reset the connection, and the client might never read the reply.
func (g *Gate) farewell(b []byte, by event.EndedBy) {
	if b != nil {
		g.say(b, "")
	}
	g.flush()
	if t, ok := g.raw.Conn.(interface{ CloseWrite() error }); ok && g.tls == nil {
		t.CloseWrite()
	} else if g.tls != nil {
		g.tls.CloseWrite()
	}
	g.raw.SetReadDeadline(time.Now().Add(lingerTime))
	io.Copy(io.Discard, io.LimitReader(g.raw, maxSwallow))
	g.end(false, by)
}

// cut ends the connection because a scenario wants it.
func (g *Gate) cut(how fault.End, by string) {
	if how == fault.EndVanish && !g.deafen() {
		how = fault.EndSilence // the nearest thing
	}
	if how == fault.EndSilence {
		g.rec.Add(&event.Silenced{Moment: event.AtDialogue}, by)
	} else {
		g.rec.Add(&event.Cut{Moment: event.AtDialogue, How: string(how)}, by)
	}
	if how == fault.EndVanish {
		g.vanish()
		return
	}
	g.flush()
	if how == fault.EndSilence {
		g.wmu.Lock()
		g.muted = true
		g.wmu.Unlock()
		g.raw.SetReadDeadline(time.Time{})
		g.listen(&g.br)
		how = fault.EndClose
	}
	if how == fault.EndClose {
		// Closing with unread bytes from the client would send an RST.
		g.farewell(nil, event.EndedByScenario)
		return
	}
	g.shut(how, event.EndedByScenario)
}
