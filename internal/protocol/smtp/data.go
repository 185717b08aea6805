package smtp

import (
	"io"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// This file handles the message that follows DATA (RFC 5321 section 4.1.1.4). The engine's own reader of messages reads
// byte by byte, and loses CRs. So the adapter reads the message here, without its dots, and the engine reads only the
// final line. An adapter that doesn't ask for the message has the engine read it all.

func (f *framing) beginData() {
	f.mode, f.body = data, protocol.DotEnd(0)
	if f.lines == nil {
		f.lines = new(lines)
	}
	f.lines.begin()
	f.p.BeginUpload(true)
}

// readData gives the engine the message as it comes, with its dots. If the adapter has read of it, readData discards
// what the adapter hasn't wanted.
func (f *framing) readData(b []byte) (int, error) {
	if !f.apart {
		n, _, err := f.takeData(b)
		return n, err
	}
	for f.mode == data {
		if _, _, err := f.takeData(b); err != nil {
			return 0, err
		}
	}
	f.apart = false
	f.p.Pass([]byte(".\r\n"))
	return 0, nil
}

// takeData reads the next bytes of the message, and returns where in it they begin.
func (f *framing) takeData(b []byte) (n int, at protocol.DotEnd, err error) {
	if _, err := f.p.Peek(1); err != nil {
		return 0, 0, err
	}
	have := f.p.Buffered()
	at = f.body
	n, done := f.body.Scan(have[:min(len(have), len(b))])
	if n, err = f.p.Upload(b[:n], int64(n), false); err != nil {
		return 0, 0, err
	}
	f.lines.look(b[:n], f.p.Notice)
	if done {
		f.mode = command
		f.received(f.lines.Lines)
	}
	return n, at, nil
}

// BeginMessage implements protocol.Messages. With BDAT there is nothing to take away, and the engine reads in blocks.
func (f *framing) BeginMessage() bool {
	f.p.Lock()
	begins := f.next == data
	if begins {
		f.next = command
	}
	f.p.Unlock()
	if begins {
		f.beginData()
		f.apart = true
	}
	return begins
}

// ReadMessage implements protocol.Messages.
func (f *framing) ReadMessage(b []byte) (int, error) {
	if f.mode != data {
		return 0, io.EOF
	}
	if f.body.Owes() {
		next, err := f.p.Peek(1)
		if err != nil {
			return 0, lost(err)
		}
		if next[0] != '\n' {
			f.body.Paid()
			b[0] = '\r'
			return 1, nil
		}
	}
	n, at, err := f.takeData(b)
	if err != nil {
		return 0, lost(err)
	}
	n = len(at.Unstuff(b[:n]))
	if f.mode != data {
		return n, io.EOF // at once: the client may be gone before the next call
	}
	return n, nil
}

// lost returns what a reader of a message gets when it ends early: io.EOF would be its end.
func lost(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// received is called when the last byte of a message has come, before the engine gets it.
func (f *framing) received(l event.Lines) {
	f.p.Lock()
	f.await = true
	f.p.Unlock()
	f.p.Uploaded(l)
}
