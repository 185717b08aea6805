package smtp

import "bytes"

// eod finds the end of DATA: <CRLF>.<CRLF> (RFC 5321 section 4.1.1.4), exactly as
// go-smtp's dataReader does, so that gate and engine agree where commands begin
// again. A line end is CR LF and nothing else; CR CR LF isn't one there.
type eod int

const (
	eodLineStart eod = iota // what DATA begins with
	eodText
	eodCR
	eodDot
	eodDotCR
)

// scan takes more of the message. It returns how many bytes of b belong to it,
// the final dot included, and whether that was its end.
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
