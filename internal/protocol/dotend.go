package protocol

import "bytes"

// DotEnd finds the line with a single dot that ends a message of SMTP (RFC 5321 section
// 4.1.1.4) or a multi-line response of POP3 (RFC 1939 section 3). It does so exactly as
// go-smtp's dataReader, so that gate and engine agree where commands begin again. A line
// end is CR LF and nothing else; CR CR LF isn't one. The zero value stands at the
// beginning of a line.
type DotEnd int

const (
	dotLineStart DotEnd = iota
	dotText
	dotCR
	dotAlone
	dotThenCR
)

// Scan takes more of the message. It returns how many bytes of b belong to it,
// the final dot included, and whether that was its end.
func (e *DotEnd) Scan(b []byte) (n int, done bool) {
	s := *e
	for i := 0; i < len(b); {
		if s == dotText {
			j := bytes.IndexByte(b[i:], '\r')
			if j < 0 {
				break
			}
			i += j + 1
			s = dotCR
			continue
		}
		c := b[i]
		i++
		switch s {
		case dotCR:
			s = dotText
			if c == '\n' {
				s = dotLineStart
			}
		case dotLineStart:
			switch c {
			case '.':
				s = dotAlone
			case '\r':
				s = dotCR
			default:
				s = dotText
			}
		case dotAlone:
			s = dotText
			if c == '\r' {
				s = dotThenCR
			}
		case dotThenCR:
			if c == '\n' {
				*e = dotLineStart
				return i, true
			}
			s = dotText
		}
	}
	*e = s
	return len(b), false
}
