package imapd

import (
	"strconv"
	"strings"

	"github.com/mailrig/mailrig/internal/message"
)

// This file writes ENVELOPE and BODYSTRUCTURE (RFC 9051 section 7.5.2). The engine would write the date in a layout of
// its own, brackets that aren't there, parameters in random order, and raw 8-bit text encoded anew. A client under test
// must see in them what its header says.

// rendered is a part of a FETCH response, ready for the wire.
type rendered []byte

// envelope writes an envelope. A field that is absent is NIL; one that is empty is an empty string.
func (b rendered) envelope(e *message.Envelope) rendered {
	b = append(b, '(')
	b = b.present(e.Date)
	b = append(b, ' ')
	b = b.present(e.Subject)
	for _, l := range [][]message.Address{e.From, e.Sender, e.ReplyTo, e.To, e.Cc, e.Bcc} {
		b = append(b, ' ')
		b = b.addresses(l)
	}
	b = append(b, ' ')
	b = b.present(e.InReplyTo)
	b = append(b, ' ')
	b = b.present(e.MessageID)
	return append(b, ')')
}

func (b rendered) present(s *string) rendered {
	if s == nil {
		return append(b, "NIL"...)
	}
	return b.text(*s)
}

// addresses writes a list of addresses, and groups as RFC 9051 section 7.5.2 requires. An empty host or mailbox would
// look like a group, so a missing part gets the name that other servers use.
func (b rendered) addresses(l []message.Address) rendered {
	if len(l) == 0 {
		return append(b, "NIL"...)
	}
	b = append(b, '(')
	for _, a := range l {
		if !a.Group {
			if a.Mailbox == "" {
				a.Mailbox = "MISSING_MAILBOX"
			}
			if a.Host == "" {
				a.Host = "MISSING_DOMAIN"
			}
		}
		b = append(b, '(')
		b = b.nstring(a.Name)
		b = append(b, ' ')
		b = b.nstring(a.Route)
		b = append(b, ' ')
		b = b.nstring(a.Mailbox)
		b = append(b, ' ')
		b = b.nstring(a.Host)
		b = append(b, ')')
	}
	return append(b, ')')
}

// structure writes a part. extended adds what BODYSTRUCTURE has and BODY hasn't.
func (b rendered) structure(p *message.Part, raw []byte, extended bool) rendered {
	b = append(b, '(')
	if p.IsMultipart() {
		for _, c := range p.Children { // without blanks between them: Outlook for iOS chokes on those
			b = b.structure(c, raw, extended)
		}
		b = append(b, ' ')
		b = b.text(p.Subtype)
		if extended {
			b = append(b, ' ')
			b = b.params(p.Params)
			b = b.extension(p)
		}
		return append(b, ')')
	}
	b = b.text(p.Type)
	b = append(b, ' ')
	b = b.text(p.Subtype)
	b = append(b, ' ')
	b = b.params(p.Params)
	b = append(b, ' ')
	b = b.nstring(p.ID)
	b = append(b, ' ')
	b = b.nstring(p.Description)
	b = append(b, ' ')
	b = b.text(p.Encoding)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(p.Octets), 10)
	switch {
	case p.IsMessage():
		b = append(b, ' ')
		b = b.envelope(p.Children[0].Envelope(raw))
		b = append(b, ' ')
		b = b.structure(p.Children[0], raw, extended)
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(p.Lines), 10)
	case p.Type == "text":
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(p.Lines), 10)
	}
	if extended {
		b = append(b, ' ')
		b = b.nstring(p.MD5)
		b = b.extension(p)
	}
	return append(b, ')')
}

// extension writes disposition, language and location.
func (b rendered) extension(p *message.Part) rendered {
	b = append(b, ' ')
	if p.Disposition == "" {
		b = append(b, "NIL"...)
	} else {
		b = append(b, '(')
		b = b.text(p.Disposition)
		b = append(b, ' ')
		b = b.params(p.DispParams)
		b = append(b, ')')
	}
	b = append(b, ' ')
	if len(p.Language) == 0 {
		b = append(b, "NIL"...)
	} else {
		b = append(b, '(')
		for i, l := range p.Language {
			if i > 0 {
				b = append(b, ' ')
			}
			b = b.text(l)
		}
		b = append(b, ')')
	}
	b = append(b, ' ')
	return b.nstring(p.Location)
}

// params writes parameters in the header's order, and one that is there twice, twice.
func (b rendered) params(l []message.Param) rendered {
	if len(l) == 0 {
		return append(b, "NIL"...)
	}
	b = append(b, '(')
	for i, p := range l {
		if i > 0 {
			b = append(b, ' ')
		}
		b = b.text(p.Name)
		b = append(b, ' ')
		b = b.text(p.Value)
	}
	return append(b, ')')
}

// nstring writes NIL for an empty string.
func (b rendered) nstring(s string) rendered {
	if s == "" {
		return append(b, "NIL"...)
	}
	return b.text(s)
}

// text writes a string: quoted if it is 7-bit text, and otherwise as a literal with the very bytes of the header (RFC 9051
// section 4.3).
func (b rendered) text(s string) rendered {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r >= 0x7f }) {
		s = strings.ReplaceAll(s, "\x00", "") // a literal can't hold NUL (RFC 9051 section 9, CHAR8)
		b = append(b, '{')
		b = strconv.AppendInt(b, int64(len(s)), 10)
		b = append(b, "}\r\n"...)
		return append(b, s...)
	}
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}
