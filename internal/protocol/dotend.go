package protocol

import "bytes"

// DotEnd finds the line with a single dot that ends a message in SMTP (RFC 5321 section 4.1.1.4) or a multi-line
// response in POP3 (RFC 1939 section 3). It works exactly like go-smtp's dataReader, so that gate and engine agree on
// where commands begin again. Only CR LF ends a line; CR CR LF doesn't. The zero value is at the beginning of a line.
type DotEnd int

const (
	dotLineStart DotEnd = iota
	dotText
	dotCR
	dotAlone
	dotThenCR
)

// Scan examines more of the message. It returns how many bytes of b belong to the message, including the final dot, and
// whether the message has ended.
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
