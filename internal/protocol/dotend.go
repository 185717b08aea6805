package protocol

import "bytes"

// DotEnd finds the line with a single dot that ends a message in SMTP (RFC 5321 section 4.1.1.4) or a multi-line
// response in POP3 (RFC 1939 section 3), and the dots that were added to other lines. Only CR LF ends a line, and it
// does so behind another CR too. The zero value is at the beginning of a line.
type DotEnd int

const (
	dotLineStart DotEnd = iota
	dotText
	dotCR
	dotAlone  // behind a leading dot
	dotThenCR // behind a leading dot and CR; the CR is text unless LF follows
)

// Scan examines more of the message. It returns how many bytes of b belong to the message, including the final dot, and
// whether the message has ended.
func (e *DotEnd) Scan(b []byte) (n int, done bool) {
	for n < len(b) && !done {
		var k int
		_, k, done = e.next(b[n:])
		n += k
	}
	return n, done
}

// Owes reports whether the bytes behind the last ones that Unstuff has seen decide about a CR: if they don't begin with
// LF, that CR is text. Paid is called once it has been given out.
func (e *DotEnd) Owes() bool { return *e == dotThenCR }

// Paid says that the CR was text.
func (e *DotEnd) Paid() { *e = dotCR }

// Unstuff takes the leading dots out of b, in place, and the final dot with its line end (RFC 5321 section 4.5.2). It
// returns what is left of b. b must not go beyond the end of the message. If Owes reports true, b must begin with LF.
func (e *DotEnd) Unstuff(b []byte) []byte {
	text := 0
	for n := 0; n < len(b); {
		keep, k, _ := e.next(b[n:])
		if text < n {
			copy(b[text:], b[n:n+keep])
		}
		text += keep
		n += k
	}
	return b[:text]
}

// next examines the first n bytes of b. The first keep of them are text, the others aren't.
func (e *DotEnd) next(b []byte) (keep, n int, done bool) {
	switch *e {
	case dotAlone:
		switch {
		case b[0] != '\r':
			*e = dotText
			return 0, 0, false
		case len(b) == 1:
			*e = dotThenCR
			return 0, 1, false
		case b[1] == '\n':
			*e = dotLineStart
			return 0, 2, true
		}
		*e = dotCR
		return 1, 1, false
	case dotThenCR:
		if b[0] == '\n' {
			*e = dotLineStart
			return 0, 1, true
		}
		*e = dotCR
		return 0, 0, false
	}
	if i := e.toDot(b); i >= 0 {
		return i, i + 1, false
	}
	return len(b), len(b), false
}

// toDot returns where in b the first leading dot is, or -1.
func (e *DotEnd) toDot(b []byte) int {
	i := 0
	for ; i < len(b) && *e != dotText; i++ {
		switch c := b[i]; {
		case *e == dotLineStart && c == '.':
			*e = dotAlone
			return i
		case *e == dotCR && c == '\n':
			*e = dotLineStart
		case c == '\r':
			*e = dotCR
		default:
			*e = dotText
		}
	}
	if i == len(b) {
		return -1
	}
	if j := bytes.Index(b[i:], lineDot); j >= 0 {
		*e = dotAlone
		return i + j + len(lineDot) - 1
	}
	switch rest := b[i:]; {
	case bytes.HasSuffix(rest, lineDot[:2]):
		*e = dotLineStart
	case rest[len(rest)-1] == '\r':
		*e = dotCR
	}
	return -1
}

var lineDot = []byte("\r\n.")
