package gate

import (
	"bytes"

	"github.com/mailrig/mailrig/internal/transcript"
)

// hygiene watches the bytes of DATA for what a client must not send: lines that end
// with LF alone (RFC 5321 section 2.3.8), and a dot at the beginning of a line that
// wasn't doubled (section 4.5.2). Each is taken down once in a session.
type hygiene struct {
	last      [2]byte // the two bytes before what comes next
	dot       bool    // a line has begun with a dot, and what is behind it comes next
	bareLF    bool
	unstuffed bool
}

// begin is called when a message begins.
func (h *hygiene) begin() { h.last, h.dot = [2]byte{'\r', '\n'}, false }

// look takes more of the message.
func (h *hygiene) look(b []byte, rec *transcript.Recorder) {
	if len(b) == 0 || h.bareLF && h.unstuffed {
		return
	}
	if h.dot {
		h.behindDot(b[0], rec)
	} else if h.last == [2]byte{'\r', '\n'} {
		h.lineStart(b, rec)
	}
	for i := 0; i < len(b); {
		j := bytes.IndexByte(b[i:], '\n')
		if j < 0 {
			break
		}
		i += j + 1
		before := h.last[1]
		if i >= 2 {
			before = b[i-2]
		}
		if before == '\r' {
			h.lineStart(b[i:], rec)
		} else if !h.bareLF {
			h.bareLF = true
			rec.Mark(transcript.BareLF, "a line of the message ends with LF alone, not with CR LF", "")
		}
	}
	if len(b) == 1 {
		h.last = [2]byte{h.last[1], b[0]}
	} else {
		h.last = [2]byte(b[len(b)-2:])
	}
}

func (h *hygiene) lineStart(b []byte, rec *transcript.Recorder) {
	switch {
	case len(b) == 0 || b[0] != '.':
	case len(b) == 1:
		h.dot = true
	default:
		h.behindDot(b[1], rec)
	}
}

// behindDot looks at what follows a dot at the beginning of a line: another one, or
// the end of the message.
func (h *hygiene) behindDot(c byte, rec *transcript.Recorder) {
	h.dot = false
	if c != '.' && c != '\r' && !h.unstuffed {
		h.unstuffed = true
		rec.Mark(transcript.UnstuffedDot, "a line of the message begins with a dot that isn't doubled", "")
	}
}
