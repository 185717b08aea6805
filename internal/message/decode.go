package message

import (
	"encoding/base64"
	"io"
	"mime"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
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

// toUTF8 converts text to UTF-8, so that the result is always valid. In a charset that is unknown, bytes that aren't UTF-8
// are read as ISO-8859-1.
func toUTF8(b []byte, charset string) string {
	charset = strings.ToLower(strings.TrimSpace(charset))
	switch charset {
	case "utf-8", "utf8", "us-ascii", "ascii", "": // labels that often lie
		if utf8.Valid(b) {
			return string(b)
		}
		return readAs(charmap.ISO8859_1, b)
	case "utf-7", "unicode-1-1-utf-7":
		return fromUTF7(b)
	case "iso-8859-1", "iso8859-1", "latin1", "l1":
		return readAs(charmap.ISO8859_1, b)
	}
	if e, err := ianaindex.MIME.Encoding(charset); err == nil && e != nil {
		return readAs(e, b)
	}
	if e, err := htmlindex.Get(charset); err == nil {
		return readAs(e, b)
	}
	if utf8.Valid(b) {
		return string(b)
	}
	return readAs(charmap.ISO8859_1, b)
}

func readAs(e encoding.Encoding, b []byte) string {
	text, err := e.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return strings.ToValidUTF8(string(text), "\uFFFD")
}

// fromUTF7 decodes UTF-7 (RFC 2152). What isn't UTF-7 stays as it is.
func fromUTF7(b []byte) string {
	var out strings.Builder
	for i := 0; i < len(b); i++ {
		if b[i] != '+' {
			out.WriteRune(rune(b[i]))
			continue
		}
		end := i + 1
		for end < len(b) && isBase64(b[end]) {
			end++
		}
		if end == i+1 { // "+-" is a plus sign
			out.WriteByte('+')
			if end < len(b) && b[end] == '-' {
				i = end
			}
			continue
		}
		units := make([]uint16, 0, (end-i)*3/8)
		bits, n := uint32(0), 0
		for _, c := range b[i+1 : end] {
			bits, n = bits<<6|uint32(strings.IndexByte(base64Digits, c)), n+6
			if n >= 16 {
				n -= 16
				units = append(units, uint16(bits>>n))
			}
		}
		out.WriteString(string(utf16.Decode(units)))
		if end < len(b) && b[end] == '-' {
			end++
		}
		i = end - 1
	}
	return out.String()
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

func isBase64(c byte) bool { return strings.IndexByte(base64Digits, c) >= 0 }
