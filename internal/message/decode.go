package message

import (
	"encoding/base64"
	"io"
	"mime"
	"strings"
	"unicode/utf8"
)

// DecodeText decodes the encoded words (RFC 2047) in a header value to UTF-8. What can't be decoded stays as it is.
func DecodeText(s string) string {
	s = toUTF8([]byte(s), "utf-8") // first, so that raw 8-bit text doesn't spoil the decoded words
	if strings.Contains(s, "=?") {
		dec := mime.WordDecoder{CharsetReader: func(charset string, r io.Reader) (io.Reader, error) {
			b, err := io.ReadAll(r)
			return strings.NewReader(toUTF8(b, charset)), err
		}}
		if d, err := dec.DecodeHeader(s); err == nil {
			return strings.ToValidUTF8(d, "\uFFFD")
		}
	}
	return s
}

// Text returns the body of a part without children, with its transfer encoding undone (RFC 2045 section 6). A text part
// is converted to UTF-8.
func (p *Part) Text(raw []byte) string {
	b := p.Decoded(raw)
	if p.Type != "text" {
		return string(b)
	}
	return toUTF8(b, Lookup(p.Params, "charset"))
}

// Decoded returns the body with its transfer encoding undone, as far as possible.
func (p *Part) Decoded(raw []byte) []byte {
	body := raw[p.BodyStart:p.End]
	switch p.Encoding {
	case "base64":
		return decodeBase64(body)
	case "quoted-printable":
		return decodeQuoted(body)
	}
	return body
}

// decodeQuoted leaves an invalid escape as it is, which RFC 2045 section 6.7 allows. The standard library's reader
// would give up.
func decodeQuoted(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '=' {
			out = append(out, b[i])
			continue
		}
		end := i + 1 // a soft line break, possibly with blanks before it
		for end < len(b) && (b[end] == ' ' || b[end] == '\t' || b[end] == '\r') {
			end++
		}
		if end < len(b) && b[end] == '\n' {
			i = end
			continue
		}
		if i+2 < len(b) {
			hi, lo := unhex(b[i+1]), unhex(b[i+2])
			if hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		out = append(out, '=')
	}
	return out
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// decodeBase64 ignores characters outside the alphabet (RFC 2045 section 6.8), and an incomplete end.
func decodeBase64(b []byte) []byte {
	clean := make([]byte, 0, len(b))
	for _, c := range b {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '+', c == '/':
			clean = append(clean, c)
		}
	}
	if len(clean)%4 == 1 {
		clean = clean[:len(clean)-1]
	}
	n, _ := base64.RawStdEncoding.Decode(clean, clean)
	return clean[:n]
}

// toUTF8 converts the charsets that need no table, Windows-1252 and ISO-8859-15. In any other charset, bytes that
// aren't UTF-8 are read as ISO-8859-1, so that the result is always valid.
func toUTF8(b []byte, charset string) string {
	switch strings.ToLower(charset) {
	case "iso-8859-1", "iso8859-1", "latin1", "l1":
		return fromTable(b, nil)
	case "windows-1252", "cp1252":
		return fromTable(b, windows1252)
	case "iso-8859-15", "latin9":
		return fromTable(b, latin9)
	}
	if utf8.Valid(b) {
		return string(b)
	}
	return fromTable(b, nil)
}

func fromTable(b []byte, special func(byte) rune) string {
	var s strings.Builder
	s.Grow(len(b))
	for _, c := range b {
		r := rune(c)
		if special != nil {
			if t := special(c); t != 0 {
				r = t
			}
		}
		s.WriteRune(r)
	}
	return s.String()
}

func windows1252(c byte) rune {
	if c < 0x80 || c > 0x9f {
		return 0
	}
	return [...]rune{
		'€', 0, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0, 'Ž', 0,
		0, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0, 'ž', 'Ÿ',
	}[c-0x80]
}

func latin9(c byte) rune {
	switch c {
	case 0xa4:
		return '€'
	case 0xa6:
		return 'Š'
	case 0xa8:
		return 'š'
	case 0xb4:
		return 'Ž'
	case 0xb8:
		return 'ž'
	case 0xbc:
		return 'Œ'
	case 0xbd:
		return 'œ'
	case 0xbe:
		return 'Ÿ'
	}
	return 0
}
