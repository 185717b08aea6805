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
		f.p.BeginUpload()
	}
	f.inUpload = f.message
	f.message = f.upload && !f.message
}

func (f *framing) readLiteral(b []byte) (int, error) {
	limit := f.literal
	if f.inUpload {
		if limit > 1 {
			limit-- // the last byte waits until oneMessage has seen what follows it
		} else if err := f.oneMessage(); err != nil {
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

// oneMessage looks at what follows the last byte of an APPEND's message. That must be the line end, or the closing
// parenthesis of UTF8 (RFC 6855 section 4). Given more messages (MULTIAPPEND, RFC 3502, which mailrig doesn't
// advertise), the engine would store the first one and never answer.
func (f *framing) oneMessage() error {
	b, err := f.p.Peek(2)
	if err != nil {
		return err
	}
	if b[1] == '\r' || b[1] == '\n' || b[1] == ')' {
		return nil
	}
	return f.p.Close([]byte(f.tag + tooManyMessages))
}

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
