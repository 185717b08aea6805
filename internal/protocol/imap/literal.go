package imap

import (
	"bytes"
	"strconv"

	"github.com/mailrig/mailrig/internal/event"
)

// This file handles the client's literals (RFC 9051 section 4.3, RFC 7888).

// begin begins a literal from the client.
func (f *framing) begin(size int64) {
	f.mode, f.literal = literal, size
	if f.message {
		f.p.BeginUpload(false)
	}
	f.inUpload = f.message
	f.message = f.upload && !f.message
}

func (f *framing) readLiteral(b []byte) (int, error) {
	limit := f.literal
	if f.inUpload {
		if limit > 1 {
			limit-- // the last byte waits until oneMessage has seen what follows it
		} else if err := f.oneMessage(1); err != nil {
			return 0, err
		}
	}
	n, err := f.p.Upload(b, limit, f.secret)
	if err != nil {
		return 0, err
	}
	if f.literal -= int64(n); f.literal == 0 && f.inUpload {
		f.p.Uploaded(event.Lines{})
	}
	return n, nil
}

// emptyMessage takes an APPEND's message of no bytes. The engine would store it before the command is complete. So it
// gets the line only when what follows has come, and needn't ask for the message.
func (f *framing) emptyMessage(line []byte, sync bool) error {
	line = bytes.Clone(line)
	f.begin(0)
	if sync {
		if err := f.p.Say([]byte("+ Ready for the message\r\n"), ""); err != nil {
			return err
		}
	}
	if err := f.oneMessage(0); err != nil {
		return err
	}
	f.p.Uploaded(event.Lines{})
	f.p.Pass(append(line[:bytes.LastIndexByte(line, '{')], "{0+}\r\n"...))
	return nil
}

// oneMessage looks at what follows an APPEND's message, of which n bytes are still to come. That must be the line end,
// behind the closing parenthesis of UTF8 (RFC 6855 section 4). Given more messages (MULTIAPPEND, RFC 3502, which mailrig
// doesn't advertise), or anything else, the engine would store the message and never answer.
func (f *framing) oneMessage(n int) error {
	for _, want := range []byte(f.end()) {
		b, err := f.p.Peek(n + 1)
		if err != nil {
			return err
		}
		if want == '\r' && b[n] == '\n' {
			return nil
		}
		if b[n] != want {
			return f.p.Close([]byte(f.tag + tooMuch))
		}
		n++
	}
	return nil
}

// end returns what must follow a message.
func (f *framing) end() string {
	if f.closing {
		return ")\r\n"
	}
	return "\r\n"
}

// tooMuch is the answer to what follows a message; see oneMessage.
const tooMuch = " BAD One message at a time, and nothing behind it: there is no MULTIAPPEND here\r\n* BYE Closing, to stay in step\r\n"

// literalSize parses {n} or {n+} at the end of a line.
func literalSize(line []byte) (n int64, sync, ok bool) {
	l := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if len(l) < 3 || l[len(l)-1] != '}' {
		return 0, false, false
	}
	i := bytes.LastIndexByte(l, '{')
	if i < 0 {
		return 0, false, false
	}
	digits := l[i+1 : len(l)-1]
	sync = true
	if k := len(digits) - 1; k > 0 && (digits[k] == '+' || digits[k] == '-') {
		sync, digits = false, digits[:k]
	}
	u, err := strconv.ParseUint(string(digits), 10, 63)
	if err != nil {
		return 0, false, false
	}
	return int64(u), sync, true
}
