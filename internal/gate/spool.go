package gate

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/spool"
)

// held is a spool as framings see it. The zero value is a spool that has ended.
type held struct{ *spool.Spool }

var _ protocol.Spool = held{}

func (p *port) Spool(expected int64) protocol.Spool {
	_ = p.g.spool.Close()
	p.g.spool = held{p.g.cfg.Spool.New(expected)}
	return p.g.spool
}

// Write implements protocol.Spool.
func (h held) Write(b []byte) (int, error) {
	n, err := h.Spool.Write(b)
	if errors.Is(err, budget.ErrFull) {
		err = fmt.Errorf("%w: %w", protocol.ErrNoRoom, err)
	}
	return n, err
}

// Reader implements protocol.Spool.
func (h held) Reader() (io.Reader, error) { return h.Open(context.Background()) }

// Close implements protocol.Spool.
func (h held) Close() error {
	if h.Spool == nil {
		return nil
	}
	return h.Spool.Close()
}
