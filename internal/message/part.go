// Package message finds the parts of a mail message in its raw bytes (RFC 5322, RFC 2045-2047, RFC 2231). It never
// changes or copies them.
//
// Everything that the IMAP adapter serves as BODY[...] is a slice of what came in, however malformed: bare LF, no blank
// line after the header, an mbox From_ line, header lines without a colon, a missing closing boundary, NULs. Parse
// therefore never fails. What it can't understand becomes the next simpler thing (a multipart without a delimiter is
// plain text, a broken address is a mailbox without a host), and the bytes stay reachable.
//
// A Part holds byte offsets and what the header says about the content. Its methods take the same raw bytes again.
// Lines end with LF, with or without a CR before it. A lone CR ends nothing.
//
// The other files are header.go (fields), media.go (Content-Type and parameters), section.go (BODY[...]), address.go
// and envelope.go (ENVELOPE), and decode.go (text for SEARCH). internal/imapd, internal/wait and internal/session call
// it.
package message

import (
	"bytes"
	"strings"
)

// Limits on the structure. What lies beyond them stays in the bytes of the enclosing part, shown as
// application/octet-stream (depth) or as epilogue (count).
const (
	MaxDepth = 100   // levels of parts inside parts
	MaxParts = 10000 // parts in one message
)

// Part is the message itself or a body part. All offsets are into the raw bytes given to Parse. The header with its
// blank line is raw[Start:BodyStart], and the body is raw[BodyStart:End].
type Part struct {
	Start, BodyStart, End int

	Type, Subtype string  // lower case; "text" and "plain" if absent or invalid (RFC 2045 section 5.2)
	Params        []Param // of Content-Type, as written; RFC 2231 forms aren't joined
	ID            string
	Description   string
	Encoding      string // Content-Transfer-Encoding in lower case; "7bit" if absent
	Disposition   string // lower case; "" if absent
	DispParams    []Param
	Language      []string
	Location      string
	MD5           string

	Lines  int // line ends in the body
	Octets int // length of the body in bytes

	// Children are the parts of a multipart, or the one message in a message/rfc822. A part of type multipart always
	// has at least one.
	Children []*Part
}

// Parse finds the parts of raw.
func Parse(raw []byte) *Part {
	p := &parser{raw: raw}
	part, _ := p.part(0, nil, 0, false)
	return part
}

// IsMultipart reports whether the children are body parts.
func (p *Part) IsMultipart() bool { return p.Type == "multipart" }

// IsMessage reports whether the only child is a message.
func (p *Part) IsMessage() bool { return p.Type == "message" && len(p.Children) == 1 }

type parser struct {
	raw   []byte
	parts int
}

// delimiter is the boundary line that ended a part.
type delimiter struct {
	level int  // index of the enclosing boundary; -1: the end of the input
	final bool // it was the closing boundary
	line  int  // offset where the line begins
	next  int  // offset of the first byte after it
}

// part parses one part from start to the next delimiter of any enclosing multipart. One pass over the bytes serves all
// levels: an inner multipart without its closing boundary ends at an outer one's delimiter.
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

// degrade changes a part that has no parts although its type promises some. It gets a type that a client can work with.
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

// header finds the end of the header: the first empty line. If a delimiter of an enclosing multipart or the end of the
// input comes first, cut is true and the part has no body.
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

// match reports whether the line raw[pos:end] is a delimiter. It tries the innermost boundary first (RFC 2046 section
// 5.1.1; blanks after it are transport padding).
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

// contentEnd leaves out the line break before a delimiter line, because it belongs to the delimiter (RFC 2046 section
// 5.1.1), but nothing before floor. At the end of the input there is no delimiter and nothing to leave out.
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

// lineEnd returns the offset after the line that begins at pos.
func (p *parser) lineEnd(pos int) int {
	if i := bytes.IndexByte(p.raw[pos:], '\n'); i >= 0 {
		return pos + i + 1
	}
	return len(p.raw)
}

func isBlank(line []byte) bool {
	return len(line) == 1 && line[0] == '\n' || len(line) == 2 && line[0] == '\r' && line[1] == '\n'
}
