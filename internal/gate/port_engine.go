package gate

import (
	"bytes"
	"io"

	"github.com/mailrig/mailrig/internal/event"
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

// Ask asks the scenario about a command and does what the scenario wants.
func (p *port) Ask(a protocol.About) (handled bool, err error) {
	g := p.g
	p.said = ""
	if !g.fault.Active() {
		return false, nil
	}
	p.about(a)
	if handled, err := p.act(); handled {
		return true, err
	}
	word, _ := g.cfg.Protocol.Words.Find(a.Verb)
	if word.Needs == "" {
		return false, nil
	}
	fate, by := g.fault.Capability(word.Needs)
	if fate != fault.CapabilityHidden {
		return false, nil
	}
	return true, g.say(g.cfg.Protocol.Replies.Canned(protocol.UnknownCommand, p.tag, g.cfg.Domain), by)
}

// act does what the scenario wants of the command that fault.Event describes. handled says that the engine must not see
// the command.
func (p *port) act() (handled bool, err error) {
	c, g := p.c, p.g
	replies := g.cfg.Protocol.Replies
	a := g.fault.Command()
	if a.Delay > 0 {
		g.rec.Add(&event.Delayed{Of: event.DelayedReply, For: a.Delay}, a.DelayBy)
		if !g.pause(a.Delay) {
			return true, io.EOF
		}
	}
	for _, said := range a.Say {
		if err := g.say(wireLines(said.Text), said.By); err != nil {
			return true, err
		}
	}
	if a.End == fault.EndNone && (replies.Closes(a.Replace, false) || replies.Closes(a.Reply, false)) {
		a.End = fault.EndClose
	}
	switch {
	case a.Replace != "":
		g.wmu.Lock()
		c.instead = &a
		g.wmu.Unlock()
		return false, nil
	case a.Raw != "":
		p.said = a.Raw
		err = g.say(withTag(a.Raw, p.tag), a.By)
	case a.Reply != "":
		p.said = a.Reply
		err = g.say(replies.Write(p.tag, a.Reply), a.By)
	case a.End == fault.EndNone:
		return false, nil
	}
	if err == nil && a.End != fault.EndNone {
		g.cut(a.End, a.By)
		err = io.EOF
	}
	return true, err
}
