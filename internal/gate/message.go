package gate

import (
	"io"

	"github.com/mailrig/mailrig/internal/protocol"
)

// Message returns a reader of the message that the engine is about to read, as the client meant it. It returns nil if
// the engine must read it: then it holds what the client meant already. Only the engine's reading goroutine may use the
// reader.
func (c *Conn) Message() io.Reader {
	m, ok := c.framing.(protocol.Messages)
	if !ok || !m.BeginMessage() {
		return nil
	}
	return &message{c, m}
}

type message struct {
	c    *Conn
	from protocol.Messages
}

// Read implements io.Reader. It returns io.EOF only at the end of the message.
func (m *message) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	defer m.c.contain(&n, &err)
	if err := m.c.over(); err != nil {
		return 0, io.ErrUnexpectedEOF
	}
	return m.from.ReadMessage(p)
}
