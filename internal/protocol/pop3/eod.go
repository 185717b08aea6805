package pop3

import "bytes"

// eod finds the end of a message: <CRLF>.<CRLF> (RFC 5321 section 4.1.1.4, RFC 1939 section 3). It works exactly like
// go-smtp's dataReader, so that gate and engine agree on where commands begin again. Only CR LF ends a line; CR CR LF
// doesn't.
type eod int

const (
	eodLineStart eod = iota // the state at the beginning of a message
	eodText
	eodCR
	eodDot
	eodDotCR
)

// scan examines more of the message. It returns how many bytes of b belong to the message, including the final dot, and
// whether the message has ended.
func (e *eod) scan(b []byte) (n int, done bool) {
	s := *e
	for i := 0; i < len(b); {
		if s == eodText {
			j := bytes.IndexByte(b[i:], '\r')
			if j < 0 {
				break
			}
			i += j + 1
			s = eodCR
			continue
		}
		c := b[i]
		i++
		switch s {
		case eodCR:
			s = eodText
			if c == '\n' {
				s = eodLineStart
			}
		case eodLineStart:
			switch c {
			case '.':
				s = eodDot
			case '\r':
				s = eodCR
			default:
				s = eodText
			}
		case eodDot:
			s = eodText
			if c == '\r' {
				s = eodDotCR
			}
		case eodDotCR:
			if c == '\n' {
				*e = eodLineStart
				return i, true
			}
			s = eodText
		}
	}
	*e = s
	return len(b), false
}
