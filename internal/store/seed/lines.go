package seed

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/mailrig/mailrig/internal/store"
)

// content returns the message that a file holds.
func (l *loader) content(f file) (store.Blob, error) {
	if l.raw {
		return f, nil
	}
	n, err := bareLines(l.ctx, f)
	if n == 0 || err != nil {
		return f, err
	}
	return converted{f, f.size + n}, nil
}

// bareLines returns how many lines of a file end in LF alone, or 0 if any ends in CRLF.
func bareLines(ctx context.Context, f file) (n int64, err error) {
	r, err := f.Open(ctx)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	piece, cr := make([]byte, 32<<10), false
	for {
		m, err := r.Read(piece)
		if text := piece[:m]; m > 0 {
			if bytes.Contains(text, []byte("\r\n")) || cr && text[0] == '\n' {
				return 0, nil
			}
			n += int64(bytes.Count(text, []byte("\n")))
			cr = text[m-1] == '\r'
		}
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// converted is a file with CRLF in place of each LF. It knows its size, so that a store can refuse it before it is read.
type converted struct {
	file
	size int64
}

func (c converted) Size() int64 { return c.size }

func (c converted) Open(ctx context.Context) (store.Reader, error) {
	raw, err := store.ReadAll(ctx, c.file)
	if err != nil {
		return nil, err
	}
	return store.Bytes(bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n"))).Open(ctx)
}

// LineEnds returns a message with CRLF in place of each LF if none of its lines ends in CRLF, and otherwise the message
// itself.
func LineEnds(raw []byte) []byte {
	if bytes.Contains(raw, []byte("\r\n")) {
		return raw
	}
	return bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n"))
}
