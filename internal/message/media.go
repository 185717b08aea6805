package message

import (
	"strconv"
	"strings"
)

// Param is one parameter of a Content-Type or Content-Disposition.
type Param struct {
	Name  string // lower case; RFC 2231 marks stay, as in "filename*0*"
	Value string // without quoting
}

func defaultParams() []Param { return []Param{{"charset", "us-ascii"}} }

// describe fills in what the header says about the content.
func (p *parser) describe(part *Part, digest bool) {
	part.Type, part.Subtype, part.Encoding = "text", "plain", "7bit"
	if digest { // RFC 2046 section 5.1.5
		part.Type, part.Subtype = "message", "rfc822"
	}
	var seen uint // only the first field with a name counts
	first := func(bit uint) bool {
		was := seen&(1<<bit) != 0
		seen |= 1 << bit
		return !was
	}
	for name, raw := range eachField(p.raw[part.Start:part.BodyStart]) {
		if len(name) < 10 || !strings.EqualFold(string(name[:8]), "content-") {
			continue
		}
		switch strings.ToLower(string(name[8:])) {
		case "type":
			if first(0) {
				setMediaType(part, fieldValue(name, raw))
			}
		case "transfer-encoding":
			if first(1) {
				if v := strings.ToLower(firstToken(fieldValue(name, raw))); v != "" {
					part.Encoding = v
				}
			}
		case "id":
			if first(2) {
				part.ID = fieldValue(name, raw)
			}
		case "description":
			if first(3) {
				part.Description = fieldValue(name, raw)
			}
		case "disposition":
			if first(4) {
				v, params := ParseParams(fieldValue(name, raw))
				part.Disposition, part.DispParams = strings.ToLower(v), params
			}
		case "language":
			if first(5) {
				for tag := range strings.SplitSeq(fieldValue(name, raw), ",") {
					if tag = strings.TrimSpace(tag); tag != "" {
						part.Language = append(part.Language, tag)
					}
				}
			}
		case "location":
			if first(6) {
				part.Location = fieldValue(name, raw)
			}
		case "md5":
			if first(7) {
				part.MD5 = fieldValue(name, raw)
			}
		}
	}
	if part.Type == "text" && part.Subtype == "plain" && part.Params == nil {
		part.Params = defaultParams()
	}
}

func setMediaType(part *Part, value string) {
	v, params := ParseParams(value)
	typ, sub, ok := strings.Cut(strings.ToLower(v), "/")
	typ, sub = strings.TrimSpace(typ), strings.TrimSpace(sub)
	if !ok || !isToken(typ) || !isToken(sub) {
		part.Type, part.Subtype = "text", "plain"
		return
	}
	part.Type, part.Subtype, part.Params = typ, sub, params
}

func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, s[i]) >= 0 {
			return false
		}
	}
	return s != ""
}

// firstToken returns the value without comments and parameters.
func firstToken(s string) string {
	s, _, _ = strings.Cut(s, ";")
	if f := strings.Fields(stripComments(s)); len(f) > 0 {
		return f[0]
	}
	return ""
}

// ParseParams splits `value; name=value; name="value"` (RFC 2045 section 5.1). It never fails: pieces without "=" are
// left out, a missing closing quote ends with the text, and blanks inside an unquoted value stay.
func ParseParams(s string) (value string, params []Param) {
	pieces := splitParams(s)
	value = strings.TrimSpace(stripComments(pieces[0]))
	for _, piece := range pieces[1:] {
		name, v, ok := strings.Cut(piece, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if !ok || name == "" {
			continue
		}
		params = append(params, Param{name, unquote(strings.TrimSpace(v))})
	}
	return value, params
}

// splitParams splits at semicolons outside quotes.
func splitParams(s string) []string {
	var pieces []string
	quoted, begin := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ';' && !quoted:
			pieces = append(pieces, s[begin:i])
			begin = i + 1
		}
	}
	return append(pieces, s[begin:])
}

// unquote returns a quoted string's content, or the text as it is without a comment after it. ("name=a(1).txt" isn't a
// comment but a common mistake.)
func unquote(s string) string {
	if len(s) == 0 || s[0] != '"' {
		if i := strings.Index(s, " ("); i > 0 && strings.HasSuffix(s, ")") {
			s = strings.TrimSpace(s[:i])
		}
		return s
	}
	var b strings.Builder
	for i := 1; i < len(s) && s[i] != '"'; i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// stripComments removes (comments) outside quotes.
func stripComments(s string) string {
	if strings.IndexByte(s, '(') < 0 {
		return s
	}
	var b strings.Builder
	quoted, depth := false, 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s) && (quoted || depth > 0):
			if depth == 0 {
				b.WriteString(s[i : i+2])
			}
			i++
			continue
		case c == '"' && depth == 0:
			quoted = !quoted
		case c == '(' && !quoted:
			depth++
			continue
		case c == ')' && !quoted && depth > 0:
			depth--
			continue
		}
		if depth == 0 {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Lookup returns a parameter's value. It joins the continuations of RFC 2231 and decodes its percent-encoding. It
// doesn't convert the charset of an extended value.
func Lookup(params []Param, name string) string {
	for _, p := range params {
		if p.Name == name {
			return p.Value
		}
		if p.Name == name+"*" {
			return decodeExtended(p.Value, true)
		}
	}
	var b strings.Builder
	for i := 0; ; i++ {
		part := name + "*" + strconv.Itoa(i)
		found := false
		for _, p := range params {
			if p.Name == part {
				b.WriteString(p.Value)
				found = true
				break
			}
			if p.Name == part+"*" {
				b.WriteString(decodeExtended(p.Value, i == 0))
				found = true
				break
			}
		}
		if !found {
			return b.String()
		}
	}
}

func decodeExtended(s string, withCharset bool) string {
	if withCharset {
		if parts := strings.SplitN(s, "'", 3); len(parts) == 3 {
			s = parts[2]
		}
	}
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
