package event

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape returns bytes as text that JSON and a terminal carry unharmed. Bytes that aren't UTF-8 and characters that
// aren't printable become \xNN. CR LF becomes \n, and tabs stay.
func Escape(b []byte) string { return escape(b) }

// EscapeLine is Escape for text that is one line: line ends become \xNN as well, so that nobody can forge a second line.
func EscapeLine(s string) string {
	s = escaped(s)
	if strings.IndexByte(s, '\n') >= 0 {
		s = strings.ReplaceAll(s, "\n", `\x0a`)
	}
	return s
}

func escape(b []byte) string {
	clean, ends := true, 0
	for i, c := range b {
		if c == '\r' && i+1 < len(b) && b[i+1] == '\n' {
			ends++
		} else if c >= 0x7f || c < 0x20 && c != '\n' && c != '\t' {
			clean = false
			break
		}
	}
	if clean && ends == 0 {
		return string(b)
	}
	if clean {
		return unixLines(b, ends)
	}
	var out strings.Builder
	out.Grow(len(b))
	for len(b) > 0 {
		if b[0] == '\r' && len(b) > 1 && b[1] == '\n' {
			b = b[1:]
			continue
		}
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n <= 1:
			hex(&out, b[0])
		case r != '\n' && r != '\t' && !unicode.IsPrint(r):
			for _, c := range b[:n] {
				hex(&out, c)
			}
		default:
			out.WriteRune(r)
		}
		b = b[n:]
	}
	if out.Cap() > out.Len()+out.Len()/8 {
		return strings.Clone(out.String()) // a record keeps it for long: without the builder's spare room
	}
	return out.String()
}

func hex(out *strings.Builder, c byte) {
	const digits = "0123456789abcdef"
	out.Write([]byte{'\\', 'x', digits[c>>4], digits[c&15]})
}

// trimEnd removes one line end.
func trimEnd(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

// unixLines returns a text in which LF replaces each CR LF. ends is how many there are.
func unixLines(b []byte, ends int) string {
	var out strings.Builder
	out.Grow(len(b) - ends)
	for {
		i := bytes.IndexByte(b, '\r')
		if i < 0 {
			out.Write(b)
			return out.String()
		}
		out.Write(b[:i])
		b = b[i+1:]
	}
}
