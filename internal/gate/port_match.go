package gate

import (
	"io"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/protocol"
)

// This file asks a port's scenario. It says what a command is about, and what the scenario wants.

func (p *port) Active() bool { return p.g.fault.Active() }

func (p *port) Injected() string { return p.said }

func (p *port) Claims(user string) { p.g.fault.Claims(p.g.canonical(user)) }

func (p *port) Sends(sender string) { p.g.fault.Sends(p.g.canonical(sender)) }

// Ask asks the scenario about a command and does what the scenario wants.
func (p *port) Ask(a protocol.About) (handled bool, err error) {
	g := p.g
	p.said = ""
	if !g.fault.Active() {
		return false, nil
	}
	p.tag = a.Tag
	p.about(a)
	if handled, err := p.act(); handled {
		return true, err
	}
	word, _ := g.cfg.Protocol.Words.Find(a.Verb)
	if by, hidden := p.hidden(word.Needs); hidden {
		return true, g.say(g.cfg.Protocol.Replies.Canned(protocol.UnknownCommand, p.tag, g.cfg.Domain), by)
	}
	for _, name := range a.Uses {
		if by, hidden := p.hidden(name); hidden {
			return true, g.say(g.cfg.Protocol.Replies.Canned(protocol.UnknownParameter, p.tag, g.cfg.Domain), by)
		}
	}
	return false, nil
}

// hidden reports whether a scenario hides a capability, and which one does.
func (p *port) hidden(name string) (by string, hidden bool) {
	if name == "" {
		return "", false
	}
	fate, by := p.g.fault.Capability(name)
	return by, fate == fault.CapabilityHidden
}

// act does what the scenario wants of the command that fault.Event describes. handled says that the engine must not see
// the command.
func (p *port) act() (handled bool, err error) {
	c, g := p.c, p.g
	replies := g.cfg.Protocol.Replies
	a := g.fault.Command()
	if a.Delay > 0 {
		g.rec.Add(&event.Delayed{Of: event.DelayedReply, For: a.Delay}, a.DelayBy)
		if !p.pause(a.Delay) {
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

// answered tells the rules if lines of a reply say that the command has been answered OK. The caller holds wmu.
func (g *Gate) answered(lines []byte) {
	c := g.cur.Load()
	if c == nil || g.fault.Event.Command == "" {
		return
	}
	text := strings.Split(strings.TrimRight(string(lines), "\r\n"), "\r\n")
	if g.cfg.Protocol.Replies.Verdict(c.port.tag, text, false).Class == event.OK {
		g.fault.Answered()
	}
}

// read tells the rules what the message is like that has just come, and takes the reply that they want.
func (p *port) read(contents *fault.Contents) {
	g := p.g
	g.fault.Event.Content = contents
	a := g.fault.Sent()
	if a.Replace == "" {
		return
	}
	if a.End == fault.EndNone && g.cfg.Protocol.Replies.Closes(a.Replace, false) {
		a.End = fault.EndClose
	}
	g.wmu.Lock()
	p.c.instead = &a
	g.wmu.Unlock()
}

// about tells the rules what the command is about.
func (p *port) about(a protocol.About) {
	e := &p.g.fault.Event
	e.Command, e.Recipient, e.Mailboxes = a.Verb, a.Recipient, a.Mailboxes
	e.Arguments, e.Messages, e.UIDs, e.Content = a.Args, a.Messages, a.UIDs, nil
	if _, known := p.g.cfg.Protocol.Words.Find(a.Verb); !known {
		e.Command = p.g.verb // the word may be a password
	}
	switch {
	case a.Begins:
		p.before = &transaction{e.Sender, e.Recipients}
		e.Sender, e.Recipients = a.Sender, nil
	case a.Ends:
		e.Sender, e.Recipients = "", nil
	}
}

// transaction is the part of a mail transaction that rules may match on.
type transaction struct {
	sender     string
	recipients []string
}

func (p *port) Begun(ok bool) {
	if f := p.g.fault; f != nil && p.before != nil && !ok {
		f.Sender, f.Recipients = p.before.sender, p.before.recipients
	}
	p.before = nil
}

func (p *port) Taken() {
	if f := p.g.fault; f != nil && f.Recipient != "" {
		f.Recipients = append(f.Recipients, f.Recipient)
	}
}

func (p *port) EndMail() {
	if f := p.g.fault; f != nil {
		f.Sender, f.Recipients = "", nil
	}
}

// withTag replaces {tag} in a scenario's raw text by the command's tag, and counts its literals.
func withTag(raw, tag string) []byte {
	return []byte(fault.Literals(strings.ReplaceAll(raw, "{tag}", tag)))
}

// wireLines ends each line of a scenario's text with CRLF, and counts its literals.
func wireLines(text string) []byte {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight(line, "\r\n") + "\r\n")
	}
	return []byte(fault.Literals(b.String()))
}
