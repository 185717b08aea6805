package gate

import (
	"bytes"
	"io"
	"net"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/protocol"
)

// upgrade does STARTTLS. It sends the positive reply, drops what the client pipelined behind its command, does the
// handshake, and hands the connection to a fresh engine. No state survives (RFC 3207 section 4.2, RFC 9051 section
// 6.2.1, RFC 2595 section 4). The old engine sees the end of its connection.
func (g *Gate) upgrade(c *Conn, tag string) error {
	up := g.fault.Upgrade()
	if up.Keep {
		g.rec.Injected(up.By) // the server is a vulnerable one, whatever the client does
	}
	reply, by := g.cfg.Protocol.Replies.Canned(protocol.GoAhead, tag, g.cfg.Domain), ""
	if up.Raw != "" {
		reply, by = withTag(up.Raw, tag), up.By
	}
	if err := g.say(reply, by); err != nil {
		return err
	}
	if up.Inject != "" {
		if err := g.say(wireLines(strings.ReplaceAll(up.Inject, "{tag}", tag)), up.By); err != nil {
			return err
		}
	}
	if err := g.flush(); err != nil {
		return err
	}
	g.wmu.Lock()
	g.speaking = false
	g.wmu.Unlock()
	g.opened = true
	first, kept := g.leftover(up)
	if !g.handshake(first, true) {
		return io.EOF
	}
	if len(kept) > 0 {
		g.br.Reset(io.MultiReader(bytes.NewReader(kept), g.conn))
	} else {
		g.br.Reset(g.conn)
	}
	c.detached.Store(true)
	g.injected, g.early = up.Inject != "", false
	g.start(nil)
	return io.EOF
}

// leftover empties the read buffer. A client must not send anything between STARTTLS and the handshake, and whatever an
// attacker put there must not be executed inside TLS. leftover records such bytes and drops them, unless the scenario
// wants a vulnerable server. It returns a ClientHello that came early.
func (g *Gate) leftover(up fault.Upgrade) (hello, kept []byte) {
	b, _ := g.br.Peek(g.br.Buffered())
	b = bytes.Clone(b)
	g.br.Discard(len(b))
	if isClientHello(b) {
		return b, nil
	}
	if len(b) > 0 && up.Keep {
		g.rec.Add(&event.BehindSTARTTLS{Bytes: len(b), Kept: true}, up.By)
		return nil, b
	}
	if len(b) > 0 {
		g.rec.Add(&event.BehindSTARTTLS{Bytes: len(b)}, "")
		first, _, _ := bytes.Cut(b, []byte("\n")) // the rest may be the lines of a login
		g.overheard(append(bytes.Clone(first), '\n'))
	}
	return nil, nil
}

// prefixed is a connection that first returns bytes which were read too early.
type prefixed struct {
	net.Conn
	r io.Reader
}

func (p *prefixed) Read(b []byte) (int, error) { return p.r.Read(b) }
