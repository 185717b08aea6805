package smtp

import (
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// This file handles the message that follows DATA (RFC 5321 section 4.1.1.4).

func (f *framing) beginData() {
	f.mode, f.body = data, protocol.DotEnd(0)
	if f.lines == nil {
		f.lines = new(lines)
	}
	f.lines.begin()
	f.p.BeginUpload()
}

func (f *framing) readData(b []byte) (int, error) {
	if _, err := f.p.Peek(1); err != nil {
		return 0, err
	}
	have := f.p.Buffered()
	n, done := f.body.Scan(have[:min(len(have), len(b))])
	n, err := f.p.Upload(b[:n], int64(n), false)
	if err != nil {
		return 0, err
	}
	f.lines.look(b[:n], f.p.Notice)
	if done {
		f.mode = command
		f.received(f.lines.Lines)
	}
	return n, nil
}

// received is called when the last byte of a message has come, before the engine gets it.
func (f *framing) received(l event.Lines) {
	f.p.Lock()
	f.await = true
	f.p.Unlock()
	f.p.Uploaded(l)
}
