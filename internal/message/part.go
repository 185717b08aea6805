// Package message finds the parts of a mail message in its raw bytes (RFC 5322,
// RFC 2045-2047, RFC 2231) without ever changing or copying them.
//
// Everything the IMAP adapter serves as BODY[...] is a slice of what came in,
// however malformed: bare LF, no blank line behind the header, an mbox From_
// line, header lines without a colon, a missing closing boundary, NULs. Parse
// therefore never fails: what can't be understood degrades to the next simpler
// thing (a multipart without a delimiter is plain text, a broken address is a
// mailbox without a host) and the bytes stay reachable.
//
// A Part holds byte offsets and what the header says about the content; its
// methods take the same raw bytes again. Lines end with LF, with or without a CR
// before it; a lone CR ends nothing.
//
// Other files: header.go (fields), media.go (Content-Type and parameters),
// section.go (BODY[n.m]), address.go and envelope.go (ENVELOPE), decode.go (text
// for SEARCH).
package message

import (
	"bytes"
	"strings"
)

// Bounds on the structure. What lies beyond stays in the bytes of the part
// around it, shown as application/octet-stream (depth) or as epilogue (count).
const (
	MaxDepth = 100   // parts inside parts
	MaxParts = 10000 // parts of one message
)

// Part is the message itself or a body part of it. All offsets are into the raw
// bytes given to Parse: the header with its blank line is raw[Start:BodyStart],
// the body raw[BodyStart:End].
type Part struct {
	Start, BodyStart, End int

	Type, Subtype string  // lower case; "text", "plain" when absent or unreadable (RFC 2045 section 5.2)
	Params        []Param // of Content-Type, as written, RFC 2231 forms not joined
	ID            string
	Description   string
	Encoding      string // Content-Transfer-Encoding, lower case; "7bit" when absent
	Disposition   string // lower case; "" when absent
	DispParams    []Param
	Language      []string
	Location      string
	MD5           string

	Lines  int // line ends in the body
	Octets int // length of the body

	// Children are the parts of a multipart, or the one message inside a
	// message/rfc822. A part of type multipart always has at least one.
	Children []*Part
}

// Parse locates the parts of raw.
func Parse(raw []byte) *Part {
	p := &parser{raw: raw}
	part, _ := p.part(0, nil, 0, false)
	return part
}

// IsMultipart reports whether the children are body parts.
func (p *Part) IsMultipart() bool { return p.Type == "multipart" }

// IsMessage reports whether the only child is a message of its own.
func (p *Part) IsMessage() bool { return p.Type == "message" && len(p.Children) == 1 }

type parser struct {
	raw   []byte
	parts int
}

// delimiter is the boundary line that ended a part.
type delimiter struct {
	level int  // which of the enclosing boundaries; -1: the end of the input
	final bool // it was the closing one
	line  int  // where the line begins
	next  int  // the first byte behind it
}

// part reads one part from start to the next delimiter of any enclosing
// multipart. One pass over the bytes serves all levels: an inner multipart
// without its closing boundary ends where an outer one's delimiter stands.
func (p *parser) part(start int, bounds [][]byte, depth int, digest bool) (*Part, delimiter) {
	p.parts++
	part := &Part{Start: start}
	d, cut := p.header(part, bounds)
	p.describe(part, digest)
	if cut {
		part.degrade(false)
		return part, d
	}
	switch {
	case part.Type == "multipart":
		boundary := []byte(strings.TrimRight(Lookup(part.Params, "boundary"), " \t"))
		if len(boundary) == 0 || depth >= MaxDepth {
			d = p.skip(part.BodyStart, bounds)
			break
		}
		own := len(bounds)
		inner := append(bounds[:own:own], boundary)
		isDigest := part.Subtype == "digest"
		d = p.skip(part.BodyStart, inner)
		for d.level == own && !d.final && p.parts < MaxParts {
			var child *Part
			child, d = p.part(d.next, inner, depth+1, isDigest)
			part.Children = append(part.Children, child)
		}
		if d.level == own {
			d = p.skip(d.next, bounds) // the epilogue
		}
	case part.Type == "message" && (part.Subtype == "rfc822" || part.Subtype == "global") &&
		depth < MaxDepth && p.parts < MaxParts:
		var child *Part
		child, d = p.part(part.BodyStart, bounds, depth+1, false)
		part.Children = []*Part{child}
	default:
		d = p.skip(part.BodyStart, bounds)
	}
	part.End = p.contentEnd(d.line, part.BodyStart)
	if n := len(part.Children); n > 0 && part.Children[n-1].End > part.End {
		part.End = part.Children[n-1].End
	}
	part.Octets = part.End - part.BodyStart
	part.Lines = bytes.Count(p.raw[part.BodyStart:part.End], []byte{'\n'})
	part.degrade(depth >= MaxDepth || p.parts >= MaxParts)
	return part, d
}

// degrade gives a part that has no parts although its type promises some a type
// that a client can work with.
func (p *Part) degrade(opaque bool) {
	container := p.Type == "multipart" ||
		p.Type == "message" && (p.Subtype == "rfc822" || p.Subtype == "global")
	if !container || len(p.Children) > 0 {
		return
	}
	if opaque {
		p.Type, p.Subtype, p.Params = "application", "octet-stream", nil
		return
	}
	p.Type, p.Subtype, p.Params = "text", "plain", defaultParams()
}

// header finds the end of the header: the first empty line. A delimiter of an
// enclosing multipart, or the end of the input, cuts it short; then cut is true
// and the part has no body.
func (p *parser) header(part *Part, bounds [][]byte) (d delimiter, cut bool) {
	pos := part.Start
	for pos < len(p.raw) {
		end := p.lineEnd(pos)
		if level, final, ok := p.match(pos, end, bounds); ok {
			part.BodyStart, part.End = pos, pos
			return delimiter{level: level, final: final, line: pos, next: end}, true
		}
		if isBlank(p.raw[pos:end]) {
			part.BodyStart, part.End = end, end
			return delimiter{}, false
		}
		pos = end
	}
	part.BodyStart, part.End = len(p.raw), len(p.raw)
	return delimiter{level: -1, line: len(p.raw), next: len(p.raw)}, true
}

// skip goes to the next delimiter line.
func (p *parser) skip(pos int, bounds [][]byte) delimiter {
	if len(bounds) > 0 {
		for pos < len(p.raw) {
			end := p.lineEnd(pos)
			if level, final, ok := p.match(pos, end, bounds); ok {
				return delimiter{level: level, final: final, line: pos, next: end}
			}
			pos = end
		}
	}
	return delimiter{level: -1, line: len(p.raw), next: len(p.raw)}
}

// match tells whether the line raw[pos:end] is a delimiter, innermost first
// (RFC 2046 section 5.1.1; blanks behind it are transport padding).
func (p *parser) match(pos, end int, bounds [][]byte) (level int, final, ok bool) {
	if len(bounds) == 0 || end-pos < 3 || p.raw[pos] != '-' || p.raw[pos+1] != '-' {
		return 0, false, false
	}
	rest := bytes.TrimRight(p.raw[pos+2:end], " \t\r\n")
	for i := len(bounds) - 1; i >= 0; i-- {
		tail, found := bytes.CutPrefix(rest, bounds[i])
		if !found {
			continue
		}
		if len(tail) == 0 {
			return i, false, true
		}
		if len(tail) == 2 && tail[0] == '-' && tail[1] == '-' {
			return i, true, true
		}
	}
	return 0, false, false
}

// contentEnd leaves out the line break before a delimiter line, which belongs to
// the delimiter (RFC 2046 section 5.1.1), but nothing before floor. At the end of
// the input there is no delimiter and nothing to leave out.
func (p *parser) contentEnd(line, floor int) int {
	if line >= len(p.raw) {
		return len(p.raw)
	}
	if line > floor && p.raw[line-1] == '\n' {
		line--
		if line > floor && p.raw[line-1] == '\r' {
			line--
		}
	}
	return line
}

// lineEnd is the offset behind the line that begins at pos.
func (p *parser) lineEnd(pos int) int {
	if i := bytes.IndexByte(p.raw[pos:], '\n'); i >= 0 {
		return pos + i + 1
	}
	return len(p.raw)
}

func isBlank(line []byte) bool {
	return len(line) == 1 && line[0] == '\n' || len(line) == 2 && line[0] == '\r' && line[1] == '\n'
}
