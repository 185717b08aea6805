package gate

import (
	"bytes"
	"strings"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/transcript"
)

// This file is IMAP's other half: what the engine says.

func (d *imap) write(p []byte, complete bool) (int, error) {
	g := d.g
	if d.olit > 0 {
		n := int(min(int64(len(p)), d.olit))
		d.olit -= int64(n)
		return n, g.sayLocked(p[:n], transcript.Data, "")
	}
	if !complete {
		return 0, nil
	}
	line, n := p, len(p)
	behind := d.ocont
	d.ocont = false
	if size, _, ok := literalSize(line); ok {
		d.olit, d.ocont = size, true
		if isBodyItem(line) {
			g.rec.MessageOut()
		}
	}
	if behind {
		return n, g.sayLocked(line, transcript.Reply, "")
	}
	switch line[0] {
	case '+':
		switch {
		case d.sync >= 0:
			d.next = imapLit
		case d.verb == "AUTHENTICATE":
			d.next = imapAuth
		case d.verb == "IDLE":
			d.next = imapDone
		}
	case '*':
	default: // the tagged reply
		d.done = true
		if d.override != "" {
			line = imapReply(d.tag, d.override)
			d.override = ""
		}
		if bytes.HasPrefix(line, []byte(d.tag+" OK")) {
			switch d.verb {
			case "LOGIN", "AUTHENTICATE":
				d.logged = true
			case "UNAUTHENTICATE":
				d.logged = false
			case "APPEND":
				g.rec.MessageIn()
			}
		}
		edited := d.editGreeting(line)
		return n, g.sayLocked(edited, transcript.Reply, g.refusedBy(true))
	}
	return n, g.sayLocked(d.editGreeting(line), transcript.Reply, "")
}

// isBodyItem tells if the literal that follows is a whole message.
func isBodyItem(line []byte) bool {
	i := bytes.LastIndexByte(line, '{')
	before := bytes.TrimRight(line[:i], " ~")
	return bytes.HasSuffix(before, []byte("BODY[]")) || bytes.HasSuffix(before, []byte("RFC822")) || bytes.HasSuffix(before, []byte("BODY[TEXT]"))
}

func (d *imap) last([]byte) bool { return true }

func (d *imap) greetingReply(text string) []byte { return imapReply("*", text) }

// editGreeting edits the capability list of a line that has one: "* CAPABILITY …"
// or a response code in an OK.
func (d *imap) editGreeting(line []byte) []byte {
	var from, to int
	switch i := bytes.Index(line, []byte("[CAPABILITY ")); {
	case bytes.HasPrefix(line, []byte("* CAPABILITY ")):
		from, to = len("* CAPABILITY "), len(bytes.TrimRight(line, "\r\n"))
	case i >= 0 && i < 80 && (line[0] == '*' || bytes.HasPrefix(line, []byte(d.tag+" OK "))):
		from = i + len("[CAPABILITY ")
		j := bytes.IndexByte(line[from:], ']')
		if j < 0 {
			return line
		}
		to = from + j
	default:
		return line
	}
	list := strings.Fields(string(line[from:to]))
	loggedOut := false
	for _, name := range list {
		loggedOut = loggedOut || strings.HasPrefix(name, "AUTH=") || name == "LOGINDISABLED"
	}
	if d.g.cfg.Extra != nil {
		list = append(list, "ID")
	}
	if d.g.cfg.StartTLS && !d.c.secure && loggedOut {
		list = append(list, "STARTTLS")
	}
	kept := list[:0]
	for _, name := range list {
		if fate, by := d.g.fault.Capability(name); fate != fault.CapabilityShown {
			d.g.rec.Injected(by)
			continue
		}
		kept = append(kept, name)
	}
	return []byte(string(line[:from]) + strings.Join(kept, " ") + string(line[to:]))
}
