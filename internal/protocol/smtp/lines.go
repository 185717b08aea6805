package smtp

import (
	"bytes"
	"encoding/binary"

	"github.com/mailrig/mailrig/internal/event"
)

// lines examines how the lines of a message are formed (event.Lines). It reports at once what a client must not send:
// lines that end with LF alone (RFC 5321 section 2.3.8), and a leading dot that isn't doubled (section 4.5.2). It
// reports each of them once in a session.
type lines struct {
	event.Lines
	last      [3]byte // the three bytes before the next ones
	length    int64   // of the line so far, without its line end
	dot       bool    // the line begins with a dot; the next byte tells whether it was doubled
	bareLF    bool    // has been reported
	unstuffed bool    // has been reported
}

// begin is called when a message begins.
func (l *lines) begin() {
	l.Lines, l.last, l.length, l.dot = event.Lines{}, [3]byte{0, '\r', '\n'}, 0, false
}

// look examines the next bytes of the message.
func (l *lines) look(b []byte, notice func(event.Sign)) {
	if len(b) == 0 {
		return
	}
	if l.dot {
		l.behindDot(b[0], notice)
	} else if l.last[1] == '\r' && l.last[2] == '\n' {
		l.lineStart(b, notice)
	}
	l.EightBit = l.EightBit || hasEightBit(b)
	l.NUL = l.NUL || bytes.IndexByte(b, 0) >= 0
	crs := int64(bytes.Count(b, []byte{'\r'})) // those before an LF are subtracted again
	if l.last[2] == '\r' {
		crs++
	}
	from := 0
	for from < len(b) {
		j := bytes.IndexByte(b[from:], '\n')
		if j < 0 {
			break
		}
		i := from + j
		before := l.last[2]
		if i >= 1 {
			before = b[i-1]
		}
		l.length += int64(j)
		if before == '\r' {
			crs--
			l.CRLF++
			if l.before(b, i-1) == '\r' {
				l.DoubleCR++
			}
			l.length--
			l.lineStart(b[i+1:], notice)
		} else {
			l.BareLF++
			if !l.bareLF {
				l.bareLF = true
				notice(event.BareLF)
			}
		}
		l.Longest = max(l.Longest, l.length)
		l.length, from = 0, i+1
	}
	l.length += int64(len(b) - from)
	if b[len(b)-1] == '\r' {
		crs-- // the next byte tells
	}
	l.BareCR += crs
	n := min(len(b), len(l.last))
	copy(l.last[:], l.last[n:])
	copy(l.last[len(l.last)-n:], b[len(b)-n:])
}

// before returns the byte before position i of the next bytes. i is -1 at least.
func (l *lines) before(b []byte, i int) byte {
	if i >= 1 {
		return b[i-1]
	}
	return l.last[len(l.last)-1+i]
}

// hasEightBit reports whether any byte is above 127.
func hasEightBit(b []byte) bool {
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b)&0x8080808080808080 != 0 {
			return true
		}
		b = b[8:]
	}
	for _, c := range b {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

func (l *lines) lineStart(b []byte, notice func(event.Sign)) {
	switch {
	case len(b) == 0 || b[0] != '.':
	case len(b) == 1:
		l.dot = true
	default:
		l.behindDot(b[1], notice)
	}
}

// behindDot looks at what follows a leading dot: another dot, or the end of the message.
func (l *lines) behindDot(c byte, notice func(event.Sign)) {
	l.dot = false
	if c == '.' || c == '\r' {
		return
	}
	l.Unstuffed++
	if !l.unstuffed {
		l.unstuffed = true
		notice(event.UnstuffedDot)
	}
}
