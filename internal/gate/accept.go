package gate

import (
	"bufio"
	"io"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/protocol"
)

// This file handles a connection that has just been accepted, and a client that nobody answers.

// accept does what a scenario wants of a connection that has just been accepted. It reports whether the connection goes
// on.
func (g *Gate) accept() bool {
	mode, by := g.fault.Accept(!g.cfg.DropUnsupported)
	switch mode {
	case fault.AcceptSilent:
		g.rec.Add(&event.Silenced{Moment: event.AtAccept, Instead: g.cfg.DropUnsupported}, by)
		g.listen(g.raw)
		g.end(false, event.EndedByScenario)
	case fault.AcceptPortal:
		g.rec.Notice(event.CaptivePortal, by)
		g.rec.Reply([]byte(portal), by)
		g.raw.SetWriteDeadline(time.Now().Add(g.cfg.writeTimeout()))
		_, _ = io.WriteString(g.raw, portal)
		if t, ok := g.raw.Conn.(interface{ CloseWrite() error }); ok {
			t.CloseWrite()
		}
		g.raw.SetReadDeadline(time.Now().Add(lingerTime))
		g.listen(g.raw) // some clients carry on regardless
		g.end(false, event.EndedByScenario)
	case fault.AcceptClose, fault.AcceptReset:
		g.rec.Add(&event.Cut{Moment: event.AtAccept, How: string(mode)}, by)
		g.end(mode == fault.AcceptReset, event.EndedByScenario)
	default:
		return true
	}
	return false
}

// portal is how a captive portal answers anything that it takes for a request.
const portal = "HTTP/1.1 302 Found\r\nLocation: http://portal.example/login\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

// listen records what the client says, and never answers, until the client leaves.
func (g *Gate) listen(r io.Reader) {
	br := bufio.NewReaderSize(r, 512)
	hello := false // the client has begun TLS: what looks like a line in it isn't one
	for {
		line, err := br.ReadSlice('\n')
		switch hello = hello || isClientHello(line); {
		case len(line) == 0:
		case g.uploading: // the rest of a message
			g.rec.Body(event.Client, line)
		case hello:
			g.rec.Overheard(event.HeardLine{Text: event.Mask, Secret: true}, len(line))
		default:
			g.overheard(line)
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}

// overheard records a line that nobody answers. Nobody knows what the line is. If it doesn't look like a command, it
// may be the password of a login exchange, so it is masked. Behind a login, only a command that exists looks like one.
func (g *Gate) overheard(line []byte) {
	if len(line) == 0 {
		return
	}
	words := g.cfg.Protocol
	h := event.HeardLine{Text: event.Mask, Secret: true}
	if text := strings.TrimRight(string(line), "\r\n"); !isClientHello(line) && words.Replies.IsCommand(text) {
		shown := g.cfg.Masker.Show(words, event.Escape([]byte(text)), protocol.ShowMasked)
		word, known := words.Words.Find(shown.Verb)
		last, _ := words.Words.Find(g.verb)
		if behind := g.secret || last.Secret != event.NoSecret; !behind || known && word.Secret == event.NoSecret {
			h = event.HeardLine{Text: shown.Text, Verb: shown.Verb, Secret: shown.Secret || shown.Masked}
		}
	}
	g.rec.Overheard(h, len(line))
}
