package gate

import (
	"bytes"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/protocol"
)

// This file holds a port's engine side.

func (p *port) Pass(unit []byte) { p.c.pending = unit }

func (p *port) Tell(line []byte, by string) error {
	g := p.g
	if !g.fault.Edits() {
		return g.sayLocked(line, by)
	}
	body := bytes.TrimRight(line, "\r\n")
	edited, who := g.fault.Edit(body)
	if who == "" {
		return g.sayLocked(line, by)
	}
	if len(edited) == 0 {
		g.rec.Injected(who)
		return nil
	}
	return g.sayLocked(append(bytes.Clone(edited), "\r\n"...), who)
}

func (p *port) RefusedBy(last bool) string { return p.g.refusedBy(last) }

func (p *port) BeginDownload() { p.c.cutting = p.g.fault.Cut(fault.InDownload) }

func (p *port) Download(b []byte) error {
	c, g := p.c, p.g
	cut := &c.cutting
	if cut.End == fault.EndNone {
		return g.sendBody(b)
	}
	n := min(int64(len(b)), cut.After)
	cut.After -= n
	err := g.sendBody(b[:n])
	if n < int64(len(b)) && c.ending == nil {
		c.ending = &ending{cut.End, cut.By}
		g.muted = true
		g.rec.Injected(cut.By)
	}
	return err
}

func (p *port) Replaced() bool { return p.c.instead != nil }

func (p *port) NotReplaced() { p.c.instead = nil }

func (p *port) Replace() error {
	a := p.c.instead
	p.c.instead = nil
	if a.End != fault.EndNone {
		p.c.ending = &ending{a.End, a.By}
	}
	return p.g.sayLocked(p.g.cfg.Protocol.Replies.Write(p.tag, a.Replace), a.By)
}

func (p *port) CutReply() bool {
	cut := p.g.fault.Cut(fault.InReply)
	if cut.End == fault.EndNone {
		return false
	}
	p.c.ending = &ending{cut.End, cut.By}
	return true
}

func (p *port) Capabilities(names []string) (edited []string, by string) {
	edited, by = p.g.fault.Capabilities(names)
	p.g.rec.Injected(by)
	return edited, by
}

func (p *port) Knows(verb string) bool { return p.c.beside == nil || p.c.beside.Knows(verb) }

func (p *port) Beside(verb string) bool { return p.c.beside != nil && p.c.beside.Has(verb) }

func (p *port) Adds() []string {
	if p.c.beside == nil {
		return nil
	}
	return p.c.beside.Capabilities()
}

func (p *port) RunBeside(l protocol.Line) error {
	untagged := func(line string) error { return p.g.say([]byte(line), "") }
	reply, err := p.c.beside.Answer(l.Verb, []byte(l.Args), untagged)
	if err != nil {
		return err
	}
	return p.g.say(p.g.cfg.Protocol.Replies.Write(l.Tag, reply), "")
}
