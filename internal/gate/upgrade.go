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

// upgrade does STARTTLS: it sends the positive reply, drops what the client has pipelined behind its command,
// does the handshake and hands over to a fresh engine (RFC 3207 section 4.2, RFC 9051 section 6.2.1, RFC 2595
// section 4: no state survives). The old engine is to see the end of its connection.
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

// leftover takes what stands in the buffer: a client must not talk between STARTTLS and the handshake, and
// whoever put bytes there must not have them executed inside TLS. They are recorded and forgotten, unless the
// scenario wants a vulnerable server. A ClientHello that came early is returned.
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

// prefixed is a connection with bytes that were read too early.
type prefixed struct {
	net.Conn
	r io.Reader
}

func (p *prefixed) Read(b []byte) (int, error) { return p.r.Read(b) }
