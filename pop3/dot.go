package pop3

import (
	"bufio"
	"bytes"
	"errors"
)

var crlf = []byte("\r\n")

// WireSize returns the Message.Size of a message with these bytes, in octets.
func WireSize(raw []byte) int64 {
	n := int64(len(raw))
	if n > 0 && !bytes.HasSuffix(raw, crlf) {
		n += int64(len(crlf))
	}
	return n
}

// dotWriter sends the lines of a multi-line reply. It doubles a dot that begins a line, and puts ".\r\n" after the last
// line (RFC 1939 section 3). All other bytes pass unchanged.
//
// A line begins after CRLF and nowhere else. This is the section's definition, and a client that follows it (curl) gets
// the message back byte for byte, however malformed it is. But many clients take a bare LF for a line end too, and for
// them a lone dot between two bare LFs ends the message too early. bareLF stuffs for those clients; strict clients then
// see a dot too many.
type dotWriter struct {
	w      *bufio.Writer
	bareLF bool

	wrote bool // anything at all
	prev  byte // last two bytes seen
	last  byte
}

func (d *dotWriter) atLineStart() bool {
	if !d.wrote {
		return true
	}
	return d.last == '\n' && (d.bareLF || d.prev == '\r')
}

func (d *dotWriter) Write(p []byte) (int, error) {
	eolDot := []byte("\r\n.")
	if d.bareLF {
		eolDot = eolDot[1:]
	}
	total := len(p)
	// A line end that is split between two writes.
	if d.last == '\r' && !d.bareLF && len(p) > 1 && p[0] == '\n' && p[1] == '.' {
		d.put(p[:1])
		p = p[1:]
	}
	if len(p) > 0 && p[0] == '.' && d.atLineStart() {
		d.w.WriteByte('.')
	}
	for {
		i := bytes.Index(p, eolDot)
		if i < 0 {
			break
		}
		i += len(eolDot) - 1
		d.put(p[:i])
		d.w.WriteByte('.')
		p = p[i:]
	}
	if err := d.put(p); err != nil {
		return 0, err
	}
	return total, nil
}

// put writes bytes as they are. A bufio.Writer keeps its first error, so callers may check only the last call.
func (d *dotWriter) put(p []byte) error {
	if n := len(p); n > 0 {
		d.wrote = true
		if n > 1 {
			d.prev = p[n-2]
		} else {
			d.prev = d.last
		}
		d.last = p[n-1]
	}
	_, err := d.w.Write(p)
	return err
}

// finish completes the last line, so that the terminator stands on a line of its own.
func (d *dotWriter) finish() error {
	if d.wrote && (d.prev != '\r' || d.last != '\n') {
		d.w.Write(crlf)
	}
	_, err := d.w.WriteString(".\r\n")
	return err
}

// errTopDone stops reading a message of which TOP has sent enough.
var errTopDone = errors.New("end of TOP")

// topWriter passes the header, the blank line, and the given number of body lines. It counts LF as a line end, so that
// a message with bare LF still has a header.
type topWriter struct {
	w      *dotWriter
	lines  int
	inBody bool
	text   bool // this header line isn't empty
}

func (t *topWriter) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		i := bytes.IndexByte(p[n:], '\n')
		if i < 0 {
			t.text = t.text || !onlyCR(p[n:])
			break
		}
		line := p[n : n+i]
		n += i + 1
		if t.inBody {
			t.lines--
		} else if !t.text && onlyCR(line) {
			t.inBody = true
		}
		t.text = false
		if t.inBody && t.lines <= 0 {
			if _, err := t.w.Write(p[:n]); err != nil {
				return 0, err
			}
			return n, errTopDone
		}
	}
	return t.w.Write(p)
}

func onlyCR(p []byte) bool { return len(bytes.Trim(p, "\r")) == 0 }
