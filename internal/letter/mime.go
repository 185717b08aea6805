package letter

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/jhillyerd/enmime/v2"
	"github.com/jhillyerd/enmime/v2/mediatype"

	"github.com/mailrig/mailrig/internal/message"
)

// What enmime gets to do. It reads each byte once for each level of multiparts around it, and takes time that grows with
// the square of the number of parts and of the length of a field. A message beyond these numbers is read by package
// message.
const (
	mostMultiparts = 10       // times that enmime asks for the type of one
	mostDelimiters = 2000     // lines that begin with "--", as each part does
	mostHeader     = 64 << 10 // bytes of a part's header
	mostMediaType  = 1 << 10  // bytes of a Content-Type or Content-Disposition
	mostBoundary   = 500      // bytes; enmime never ends with one that its buffer can't hold (RFC 2046 allows 70)
	mostProblems   = 20
	mostParts      = 1000 // attachments of a letter
)

// body fills in what is in the body of the message.
func (l *Letter) body(raw []byte) {
	if delimiters(raw) <= mostDelimiters && shortHeaders(raw) {
		if env, ok := read(raw); ok {
			l.envelope(env)
			return
		}
	}
	root := message.Parse(raw)
	l.Problems = append(l.Problems, "The message is malformed, or has very many parts: text and attachments may be incomplete.")
	l.parts(raw, root, "0")
}

// delimiters counts the lines that enmime may take for a delimiter: the boundary may follow a character.
func delimiters(raw []byte) (n int) {
	for line := range bytes.Lines(raw) {
		if bytes.Contains(line[:min(len(line), 4)], []byte("--")) {
			n++
		}
	}
	return n
}

// shortHeaders reports whether no run of lines without an empty line between them is longer than a header may be, at the
// places where a header can be: after the beginning and after a line that begins with "--".
func shortHeaders(raw []byte) bool {
	for rest := raw; ; {
		if end := headerEnd(rest); end > mostHeader {
			return false
		}
		i := bytes.Index(rest, []byte("\n--"))
		if i < 0 {
			return true
		}
		rest = rest[i+3:]
	}
}

// headerEnd returns where the first empty line is, or mostHeader+1 if it is further away than that.
func headerEnd(b []byte) int {
	b = b[:min(len(b), mostHeader+1)]
	end := len(b)
	for _, empty := range []string{"\n\n", "\n\r\n", "\n--"} {
		if i := bytes.Index(b[:end], []byte(empty)); i >= 0 {
			end = i
		}
	}
	return end
}

// read lets enmime read the message. ok is false if it can't.
func read(raw []byte) (env *enmime.Envelope, ok bool) {
	multiparts, fits := 0, true
	parser := enmime.NewParser(
		enmime.DisableCharacterDetection(true), enmime.DisableTextConversion(true), enmime.MaxStoredPartErrors(mostProblems),
		enmime.SkipMalformedParts(true), enmime.SetReadPartErrorPolicy(func(*enmime.Part, error) bool { return true }),
		enmime.SetCustomParseMediaType(func(value string) (string, map[string]string, []string, error) {
			kind, params, invalid, err := parseMediaType(value)
			if boundary, nests := params["boundary"]; nests {
				fits = fits && len(boundary) <= mostBoundary
				// enmime opens whatever has a boundary, and asks for the type of the message itself up to three times. At an end without a closing
				// boundary each level reads twice for each read of the level inside it.
				if multiparts++; multiparts > mostMultiparts || !fits || !strings.HasPrefix(kind, "multipart/") {
					delete(params, "boundary")
				}
			}
			return kind, params, invalid, err
		}),
	)
	root, err := parser.ReadParts(bytes.NewReader(raw))
	if err != nil || !fits || multiparts > mostMultiparts {
		return nil, false
	}
	untyped(root)
	env, err = parser.EnvelopeFromPart(root)
	return env, err == nil
}

// untyped makes plain text of the parts without a type, which enmime takes for attachments (RFC 2045 section 5.2).
func untyped(p *enmime.Part) {
	for ; p != nil; p = p.NextSibling {
		if p.ContentType == "" {
			p.ContentType = "text/plain"
		}
		untyped(p.FirstChild)
	}
}

func parseMediaType(value string) (string, map[string]string, []string, error) {
	if len(value) <= mostMediaType {
		return mediatype.Parse(value)
	}
	kind, list := message.ParseParams(value)
	params := map[string]string{}
	for _, p := range list {
		params[strings.ToLower(p.Name)] = p.Value
	}
	return strings.ToLower(kind), params, nil, nil
}

// envelope takes what enmime has found.
func (l *Letter) envelope(env *enmime.Envelope) {
	l.Text, l.HTML = valid(env.Text), valid(env.HTML)
	for i, list := range [][]*enmime.Part{env.Attachments, env.Inlines, env.OtherParts} {
		for _, p := range list {
			if len(l.Attachments) == mostParts {
				break
			}
			kind := strings.ToLower(p.ContentType)
			if i == 1 && p.FileName == "" && (kind == "text/plain" || kind == "text/html") {
				continue // the text itself, which some programs call inline
			}
			if kind == "" {
				kind = "application/octet-stream"
			}
			l.Attachments = append(l.Attachments, Part{
				ID: p.PartID, Name: valid(p.FileName), Type: valid(kind), Inline: i > 0, ContentID: valid(p.ContentID),
				Size: len(p.Content), Content: p.Content,
			})
		}
	}
	for _, e := range env.Errors {
		if e.Name == enmime.ErrorPlainTextFromHTML || e.Name == enmime.ErrorMissingContentType && !e.Severe {
			continue // no fault of the message
		}
		if len(l.Problems) == mostProblems {
			break
		}
		l.Problems = append(l.Problems, valid(fmt.Sprintf("%s: %s", e.Name, e.Detail)))
	}
}

// parts takes what package message has found.
func (l *Letter) parts(raw []byte, p *message.Part, id string) {
	for i, child := range p.Children {
		if p.IsMultipart() {
			number := fmt.Sprint(i + 1)
			if id != "0" {
				number = id + "." + number
			}
			l.parts(raw, child, number)
		}
	}
	if p.IsMultipart() {
		return
	}
	shown := p.Type == "text" && p.Disposition != "attachment"
	switch {
	case shown && p.Subtype == "plain" && l.Text == "":
		l.Text = p.Text(raw)
	case shown && p.Subtype == "html" && l.HTML == "":
		l.HTML = p.Text(raw)
	case len(l.Attachments) < mostParts:
		name := message.Lookup(p.DispParams, "filename")
		if name == "" {
			name = message.Lookup(p.Params, "name")
		}
		content := p.Decoded(raw)
		if p.Type == "text" {
			content = []byte(p.Text(raw))
		}
		l.Attachments = append(l.Attachments, Part{
			ID: id, Name: message.DecodeText(name), Type: valid(p.Type + "/" + p.Subtype), Inline: p.Disposition == "inline",
			ContentID: valid(strings.Trim(p.ID, "<> ")), Size: len(content), Content: content,
		})
	}
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
