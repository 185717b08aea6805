package gate

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/transcript"
)

// This file is SMTP's other half: what the engine says.

func (d *smtp) write(line []byte, complete bool) (int, error) {
	if !complete {
		return 0, nil
	}
	g, n := d.g, len(line)
	more := n > 3 && line[3] == '-'
	if d.verb == "EHLO" {
		d.ehlo = append(d.ehlo, bytes.Clone(line))
		if more {
			return n, nil
		}
		lines, by := d.editEHLO(d.ehlo)
		d.ehlo = nil
		d.verb = ""
		if d.c.instead != nil {
			return n, d.c.answer(smtpReply)
		}
		for _, l := range lines {
			if err := d.c.tell(l, by); err != nil {
				return 0, err
			}
		}
		return n, nil
	}
	if n > 3 {
		switch string(line[:4]) {
		case "354 ":
			if d.verb == "DATA" {
				d.next = smtpData
			}
		case "334 ":
			if d.verb == "AUTH" {
				d.next = smtpAuth
				return n, g.sayLocked(line, transcript.Reply, g.refusedBy(false))
			}
		}
	}
	if d.hush {
		d.hush = more
		d.over()
		return n, nil
	}
	if !more && d.verb != "" {
		d.accepted(line[0] == '2')
	}
	if d.await && !more {
		d.await = false
		defer d.over()
		if line[0] == '2' {
			g.rec.MessageIn()
		}
		if cut := g.fault.Cut(fault.InReply); cut.End != fault.EndNone {
			d.c.ending = &ending{cut.End, cut.By}
			return n, nil
		}
	}
	if d.c.instead != nil && line[0] != '3' {
		if more {
			return n, nil
		}
		return n, d.c.answer(smtpReply)
	}
	if fixed, ok := smtpCorrections[string(line)]; ok {
		line = []byte(fixed)
	}
	return n, d.c.tell(line, g.refusedBy(!more))
}

// editEHLO adds STARTTLS and takes out what the scenario hides.
func (d *smtp) editEHLO(in [][]byte) (out [][]byte, by string) {
	if !bytes.HasPrefix(in[0], []byte("250")) {
		return in, ""
	}
	texts := []string{}
	list := []string{}
	for i, l := range in {
		text := strings.TrimRight(string(l[4:]), "\r\n")
		if i == 0 {
			texts = append(texts, text)
		} else {
			list = append(list, text)
		}
	}
	if d.g.cfg.StartTLS && !d.c.secure {
		list = append(list, "STARTTLS")
	}
	for i, text := range list {
		if limit := d.g.maxBytes(); text == "SIZE" && limit > 0 { // RFC 1870 section 4
			list[i] = fmt.Sprintf("SIZE %d", limit)
		}
	}
	list, by = d.g.fault.Capabilities(list)
	texts = append(texts, list...)
	for i, text := range texts {
		sep := "-"
		if i == len(texts)-1 {
			sep = " "
		}
		out = append(out, []byte("250"+sep+text+"\r\n"))
	}
	return out, by
}

func (d *smtp) tagged() string                   { return "" }
func (d *smtp) inBody() bool                     { return false }
func (d *smtp) last(line []byte) bool            { return len(line) < 4 || line[3] != '-' }
func (d *smtp) greetingReply(text string) []byte { return smtpReply(text) }
func (d *smtp) editList(line []byte) []byte      { return line }

// smtpReply makes a reply for the wire: every line has the code, all but the
// last with a hyphen (RFC 5321 section 4.2.1).
func smtpReply(text string) []byte {
	lines := strings.Split(strings.TrimRight(text, "\r\n"), "\n")
	code := ""
	if len(lines[0]) >= 3 {
		code = lines[0][:3]
	}
	var b bytes.Buffer
	for i, l := range lines {
		l = strings.TrimRight(l, "\r")
		if rest, ok := strings.CutPrefix(l, code); ok && (rest == "" || rest[0] == ' ' || rest[0] == '-') {
			l = strings.TrimLeft(rest, " -")
		}
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		b.WriteString(code + sep + l + "\r\n")
	}
	return b.Bytes()
}
