package gate

import (
	"bytes"
	"encoding/base64"
	"io"
	"net"
	"runtime"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/protocol"
)

// port implements protocol.Port. This file holds its client side.
type port struct {
	c *Conn
	g *Gate

	fate  fault.Cut // what the scenario does to the message that the client is sending
	taken int64     // bytes of the message received so far

	contents *fault.Contents // looks at the message; nil: no rule asks

	followed bool   // the bytes behind the last command belong to it
	tag      string // of the command that the scenario was last asked about
	said     string // what a scenario answered to that command

	before *transaction // the transaction before a MAIL that may be refused
}

var _ protocol.Port = (*port)(nil)

func (p *port) Lock()   { p.g.wmu.Lock() }
func (p *port) Unlock() { p.g.wmu.Unlock() }

func (p *port) Secure() bool     { return p.c.secure }
func (p *port) Offers() bool     { return p.g.cfg.StartTLS && !p.c.secure }
func (p *port) NeedsTLS() bool   { return p.g.cfg.Needs != nil && p.g.cfg.Needs.NeedsTLS() }
func (p *port) NeedsLogin() bool { return p.g.cfg.Needs != nil && p.g.cfg.Needs.NeedsLogin() }
func (p *port) NeedsSASL() bool  { return p.g.cfg.Needs != nil && p.g.cfg.Needs.NeedsSASL() }
func (p *port) MaxBytes() int64  { return p.g.maxBytes() }

func (p *port) TooLarge() (by string) {
	_, by = p.g.fault.Limits().Bytes(p.g.cfg.MaxMessageBytes)
	p.g.rec.Injected(by)
	return by
}

func (p *port) Domain() string { return p.g.cfg.Domain }

func (p *port) Qualify(address string) string {
	if bytes.IndexByte([]byte(address), '@') >= 0 {
		return address
	}
	return address + "@" + p.g.cfg.MailDomain
}

func (p *port) idle() time.Duration { return p.g.cfg.Protocol.Idle }

// over sends the protocol's last words after reading ended with err. It returns the error for the framing to pass on.
func (p *port) over(err error) error {
	g := p.g
	replies := g.cfg.Protocol.Replies
	switch {
	case isTimeout(err) && g.expiry != nil:
		g.expire(*g.expiry)
	case isTimeout(err):
		if bye := replies.Canned(protocol.IdleTooLong, "", g.cfg.Domain); bye != nil {
			g.farewell(bye, event.EndedByTimeout)
		} else {
			g.end(false, event.EndedByTimeout)
		}
	case err == errTooLong:
		g.farewell(replies.Canned(protocol.TooMuchData, "", g.cfg.Domain), event.EndedByServer)
	}
	return io.EOF
}

func (p *port) Line(limit int, secret bool) (line []byte, long bool, err error) {
	isTLS, err := p.g.opening(p.idle())
	if isTLS {
		return nil, false, io.EOF
	}
	if err == nil {
		line, long, err = p.g.line(limit, p.idle(), secret)
	}
	if err != nil {
		return nil, false, p.over(err)
	}
	return line, long, nil
}

// turn is the logarithm of how many bytes of a message are read before other clients have their turn.
const turn = 15

func (p *port) Upload(b []byte, n int64, secret bool) (int, error) {
	if p.fate.End != fault.EndNone {
		b = b[:min(int64(len(b)), max(0, p.fate.After-p.taken)+1)]
	}
	k, err := p.g.rawBytes(b, n, p.idle())
	if err != nil {
		return 0, p.over(err)
	}
	if p.taken>>turn != (p.taken+int64(k))>>turn {
		runtime.Gosched() // many uploads that never have to wait must not make a client with one command wait for each
	}
	if p.taken += int64(k); p.fate.End != fault.EndNone && p.taken > p.fate.After {
		if !secret {
			p.g.rec.Body(event.Client, b[:k])
		}
		p.g.uploading = true
		p.g.cut(p.fate.End, p.fate.By)
		return 0, io.EOF
	}
	if p.contents != nil {
		p.contents.Add(b[:k])
	}
	if !secret {
		p.g.rec.Body(event.Client, b[:k])
	} else if int64(k) == n { // one record, however many pieces it came in
		p.g.rec.Answer([]byte(event.Mask))
	}
	return k, nil
}

func (p *port) Peek(n int) ([]byte, error) {
	g := p.g
	if g.br.Buffered() < n {
		g.wait(p.idle())
		_, err := g.br.Peek(n)
		g.waited()
		if err := g.readError(err); err != nil {
			return nil, p.over(err)
		}
	}
	return g.br.Peek(n)
}

func (p *port) Buffered() []byte {
	b, _ := p.g.br.Peek(p.g.br.Buffered())
	return b
}

func (p *port) Swallow(n int64, secret bool) error {
	if err := p.g.swallow(n, p.idle(), secret); err != nil {
		return p.over(err)
	}
	return nil
}

func (p *port) BeginUpload(dotted bool) {
	p.contents = p.g.fault.Contents(dotted)
	p.g.receiving.Store(true)
	p.g.br.large = true
	p.taken, p.fate = 0, p.g.fault.Cut(fault.InUpload)
}

func (p *port) GiveUpUpload() {
	p.g.receiving.Store(false)
	p.g.br.large = false
	p.taken, p.fate, p.contents = 0, fault.Cut{}, nil
}

func (p *port) Uploaded(l event.Lines) {
	g := p.g
	contents := p.contents
	p.GiveUpUpload()
	g.rec.EndBody(event.Client, l)
	if contents != nil {
		p.read(contents)
	}
	g.early = g.br.Buffered() > 0
	delay, by := g.fault.Final()
	if delay == 0 {
		return
	}
	g.rec.Add(&event.Delayed{Of: event.DelayedFinalReply, For: delay}, by)
	if !p.pause(delay) && (g.raw.eof.Load() || g.raw.lost.Load()) {
		g.rec.Notice(event.LeftWaiting, "")
	}
}

// patient is how long a client waits for a reply at least if what it sends then isn't of the same group of commands
// (RFC 2920).
const patient = time.Second

// pause waits before the reply to a command. It reports whether the client is still connected.
func (p *port) pause(d time.Duration) bool {
	ok, spoke := p.g.pause(d)
	if spoke >= patient {
		p.g.rec.Notice(event.WentOn, "")
	}
	p.g.early = p.g.early || !p.followed && p.g.br.Buffered() > 0
	return ok
}

func (p *port) Record(line []byte, show protocol.Show, followed bool) []byte {
	g := p.g
	g.idleOver()
	text := event.Escape(protocol.TrimEnd(line))
	shown := g.cfg.Masker.Show(g.cfg.Protocol, text, show)
	c := &event.Command{
		Line: shown.Text, Tag: shown.Tag, Verb: shown.Verb, Args: shown.Args,
		Secret: shown.Secret, Masked: shown.Masked, Early: g.early, Bytes: int64(len(line)),
	}
	g.veil(line, &shown)
	p.followed = followed
	g.secret, g.verb = c.Secret, c.Verb
	g.rec.Command(c)
	word, _ := g.cfg.Protocol.Words.Find(c.Verb)
	g.hasty = word.MustWait || c.Early && g.hasty
	g.early = !followed && g.br.Buffered() > 0
	line = bytes.Clone(line) // what a scenario does may read on
	if g.injected && c.Verb != "" {
		g.injected = false
		if c.Tag == "" {
			p.hold()
		}
	}
	return line
}

// beliefTime is how long the gate waits for a client to show that it takes what was injected behind STARTTLS for the
// reply to its first command inside TLS.
const beliefTime = 150 * time.Millisecond

// hold delays the reply to the first command inside TLS when a scenario injected something before. A client that goes
// on during the delay has taken the injected text for the reply. In a protocol with tags a client recognizes its own
// replies, so nothing is held.
func (p *port) hold() {
	g := p.g
	if g.br.Buffered() == 0 {
		p.pause(beliefTime)
	}
	if g.br.Buffered() > 0 {
		g.rec.Notice(event.TookInjected, "")
	}
}

// longestAnswer is how much of an acknowledgement the engine gets, in bytes. The right ones have one byte at most.
const longestAnswer = 64

func (p *port) Answer(line []byte) (answer []byte, settled bool) {
	p.g.rec.Answer(line)
	p.g.wmu.Lock()
	settled = p.c.acknowledges
	p.c.acknowledges = false
	p.g.wmu.Unlock()
	text := protocol.TrimEnd(line)
	if !settled || string(text) == "*" {
		return line, false
	}
	if _, err := base64.StdEncoding.DecodeString(string(text)); err != nil || len(text) > longestAnswer {
		text = base64.StdEncoding.AppendEncode(nil, text[:min(len(text), longestAnswer)])
	}
	return append(bytes.Clone(text), "\r\n"...), true
}

func (p *port) Finish(line []byte) {
	p.g.idleOver()
	p.g.rec.Finish(line, len(line))
}

func (p *port) Rest(line []byte, secret bool) {
	if rest := strings.TrimRight(string(line), "\r\n"); secret && rest != "" {
		line = []byte(protocol.MaskLiteral(rest) + "\r\n")
	}
	p.g.rec.Body(event.Client, line)
}

func (p *port) Notice(s event.Sign) { p.g.rec.Notice(s, "") }
func (p *port) MessageIn()          { p.g.rec.MessageIn() }
func (p *port) MessageOut()         { p.g.rec.MessageOut() }

func (p *port) Say(reply []byte, by string) error { return p.g.say(reply, by) }

func (p *port) Close(reply []byte) error {
	p.g.farewell(reply, event.EndedByServer)
	return io.EOF
}

func (p *port) Upgrade(tag string) error { return p.g.upgrade(p.c, tag) }

func (p *port) Layer(wrap func(net.Conn) net.Conn) error {
	g := p.g
	if err := g.flush(); err != nil {
		return err
	}
	g.wmu.Lock()
	defer g.wmu.Unlock()
	under := g.conn
	if n := g.br.Buffered(); n > 0 { // what has already arrived belongs to the layer
		b, _ := g.br.Peek(n)
		under = &prefixed{g.conn, io.MultiReader(bytes.NewReader(bytes.Clone(b)), g.conn)}
		g.br.Discard(n)
	}
	g.conn = wrap(under)
	g.br.Reset(g.conn)
	return nil
}
