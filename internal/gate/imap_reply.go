package gate

import (
	"bytes"
	"strings"

	"github.com/mailrig/mailrig/internal/fault"
)

// This file is IMAP's other half: what the engine says.

func (d *imap) write(p []byte, complete bool) (int, error) {
	g := d.g
	if d.olit > 0 {
		n := int(min(int64(len(p)), d.olit))
		d.olit -= int64(n)
		return n, d.c.download(p[:n])
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
			d.c.cutting = g.fault.Cut(fault.InDownload)
		}
	}
	if behind {
		return n, d.c.tell(line, "")
	}
	switch line[0] {
	case '+':
		switch {
		case d.sync >= 0:
			d.next = imapLit
		case d.verb == "AUTHENTICATE":
			d.next = imapAuth
			return n, d.c.tell(line, g.refusedBy(false))
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
		if d.verb == "APPEND" {
			if cut := g.fault.Cut(fault.InReply); cut.End != fault.EndNone {
				d.c.ending = &ending{cut.End, cut.By}
				return n, nil
			}
		}
		if d.verb == "SELECT" || d.verb == "EXAMINE" {
			d.selected = "" // RFC 9051 section 6.3.2: also when the command fails
		}
		if bytes.HasPrefix(line, []byte(d.tag+" OK")) {
			switch d.verb {
			case "SELECT", "EXAMINE":
				d.selected = d.wanted
			case "CLOSE", "UNSELECT":
				d.selected = ""
			case "LOGIN", "AUTHENTICATE":
				d.logged = true
			case "UNAUTHENTICATE":
				d.logged, d.selected = false, ""
			case "APPEND":
				g.rec.MessageIn()
			}
		}
		if d.c.instead != nil {
			tag := d.tag
			return n, d.c.answer(func(text string) []byte { return imapReply(tag, text) })
		}
		edited := d.editList(line)
		return n, d.c.tell(edited, g.refusedBy(true))
	}
	return n, d.c.tell(d.editList(line), "")
}

// isBodyItem tells if the literal that follows is a whole message.
func isBodyItem(line []byte) bool {
	i := bytes.LastIndexByte(line, '{')
	before := bytes.TrimRight(line[:i], " ~")
	return bytes.HasSuffix(before, []byte("BODY[]")) || bytes.HasSuffix(before, []byte("RFC822")) || bytes.HasSuffix(before, []byte("BODY[TEXT]"))
}

func (d *imap) tagged() string { return d.tag }

func (d *imap) inBody() bool { return d.olit > 0 }

func (d *imap) last([]byte) bool { return true }

func (d *imap) greetingReply(text string) []byte { return imapReply("*", text) }

// editList edits the capability list of a line that has one: "* CAPABILITY …"
// or a response code in an OK.
func (d *imap) editList(line []byte) []byte {
	var from, to int
	switch {
	case bytes.HasPrefix(line, []byte("* CAPABILITY ")):
		from, to = len("* CAPABILITY "), len(bytes.TrimRight(line, "\r\n"))
	default:
		for _, before := range []string{"* OK ", "* PREAUTH ", d.tag + " OK "} {
			if bytes.HasPrefix(line, []byte(before+"[CAPABILITY ")) {
				from = len(before) + len("[CAPABILITY ")
			}
		}
		j := bytes.IndexByte(line[from:], ']')
		if from == 0 || j < 0 {
			return line
		}
		to = from + j
	}
	list := strings.Fields(string(line[from:to]))
	loggedOut := false
	for _, name := range list {
		loggedOut = loggedOut || strings.HasPrefix(name, "AUTH=") || name == "LOGINDISABLED"
	}
	if d.c.beside != nil {
		list = append(list, d.c.beside.Capabilities()...)
	}
	if d.g.cfg.StartTLS && !d.c.secure && loggedOut {
		list = append(list, "STARTTLS")
	}
	kept, by := d.g.fault.Capabilities(list)
	if by != "" {
		d.g.rec.Injected(by)
	}
	return []byte(string(line[:from]) + strings.Join(kept, " ") + string(line[to:]))
}
