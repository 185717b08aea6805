package mailhog

import (
	"mime"
	"strings"
)

// Bounds on how far a message is split.
const (
	mostDepth = 10
	mostParts = 1000
)

// content is a header and a body, neither of them decoded.
type content struct {
	Headers map[string][]string
	Body    string
	Size    int
	MIME    *parts
}

// parts are the pieces of a multipart body.
type parts struct{ Parts []*content }

// split splits a message, or a part of one, at its first empty line. Without such a line, all of it is body.
func split(data string) *content {
	c := &content{Headers: map[string][]string{}, Body: data, Size: len(data)}
	header, body, found := strings.Cut(data, "\r\n\r\n")
	if !found {
		return c
	}
	c.Body = body
	last := ""
	for line := range strings.SplitSeq(header, "\r\n") {
		name, value, ok := strings.Cut(line, ": ")
		switch {
		case last != "" && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")):
			values := c.Headers[last]
			values[len(values)-1] += line
		case ok:
			last = name
			c.Headers[name] = append(c.Headers[name], value)
		}
	}
	return c
}

// get returns the first value of a header field, or "".
func (c *content) get(name string) string {
	for other, values := range c.Headers {
		if strings.EqualFold(other, name) {
			return values[0]
		}
	}
	return ""
}

// pieces splits a body at its boundary, as MailHog does: what is behind the last boundary, usually "--", is a part as well.
// It returns nil if there is no boundary.
func (c *content) pieces() *parts {
	left := mostParts
	return c.piecesTo(mostDepth, &left)
}

func (c *content) piecesTo(depth int, left *int) *parts {
	_, params, _ := mime.ParseMediaType(c.get("Content-Type"))
	boundary := params["boundary"]
	if boundary == "" || depth == 0 {
		return nil
	}
	p := &parts{Parts: []*content{}}
	for piece := range strings.SplitSeq(c.Body, "--"+boundary) {
		if piece == "" {
			continue
		}
		if *left--; *left < 0 {
			break
		}
		part := split(strings.Trim(piece, "\r\n"))
		if strings.HasPrefix(part.get("Content-Type"), "multipart/") {
			part.MIME = part.piecesTo(depth-1, left)
		}
		p.Parts = append(p.Parts, part)
	}
	return p
}
