package gate

import (
	"bytes"
	"strings"

	"github.com/mailrig/mailrig/internal/protocol"
)

// This file tells a port's scenario what it may match on.

func (p *port) Active() bool { return p.g.fault.Active() }

func (p *port) Injected() string { return p.said }

func (p *port) Claims(user string) { p.g.fault.Claims(p.g.canonical(user)) }

func (p *port) Sends(sender string) { p.g.fault.Sends(p.g.canonical(sender)) }

// about tells the rules what the command is about.
func (p *port) about(a protocol.About) {
	e := &p.g.fault.Event
	e.Command, e.Recipient, e.Mailboxes = a.Verb, a.Recipient, a.Mailboxes
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

// withTag replaces {tag} in a scenario's raw text by the command's tag.
func withTag(raw, tag string) []byte { return []byte(strings.ReplaceAll(raw, "{tag}", tag)) }

// wireLines ends each line of a scenario's text with CRLF.
func wireLines(text string) []byte {
	var b bytes.Buffer
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight(line, "\r\n") + "\r\n")
	}
	return b.Bytes()
}
