package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"time"
)

// Blob is bytes that don't change.
type Blob interface {
	// Size returns the number of bytes.
	Size() int64
	// Open returns a reader at the beginning, to be closed. ctx holds for reading too.
	Open(ctx context.Context) (Reader, error)
}

// Reader reads a blob, in order or anywhere. A blob that turns out to be shorter than
// its Size is an error, never an early io.EOF.
type Reader interface {
	io.Reader
	io.ReaderAt
	io.Closer
}

// Message is a message in a store: a handle, which any number of entries may share. It
// can be read at least as long as one of them is there. Memory keeps it for as long as
// somebody holds it; another store may return ErrGone some time after the last one was
// expunged.
type Message interface {
	Blob // Size is RFC822.SIZE
	// ID returns a short, URL-safe name, unique in the store.
	ID() string
	// Origin returns where the message came from.
	Origin(ctx context.Context) (Origin, error)
	// Digest returns the SHA-256 sum of the bytes.
	Digest(ctx context.Context) ([sha256.Size]byte, error)
}

// Origin is what is known of a message beside its bytes.
type Origin struct {
	Received time.Time
	Envelope Envelope
}

// Bytes is a blob in memory.
type Bytes []byte

// Size implements Blob.
func (b Bytes) Size() int64 { return int64(len(b)) }

// Bytes returns b itself; see Whole.
func (b Bytes) Bytes() []byte { return b }

// Open implements Blob.
func (b Bytes) Open(context.Context) (Reader, error) { return nopCloser{bytes.NewReader(b)}, nil }

// nopCloser is io.NopCloser that keeps WriteTo and ReadAt.
type nopCloser struct{ *bytes.Reader }

func (nopCloser) Close() error { return nil }

// Whole returns all bytes of a blob that has them in memory, not to be changed; ok is
// false for others. It is what spares memory a copy.
func Whole(b Blob) (raw []byte, ok bool) {
	whole, ok := b.(interface{ Bytes() []byte })
	if !ok {
		return nil, false
	}
	return whole.Bytes(), true
}

// ReadAll returns all bytes of a blob, not to be changed.
func ReadAll(ctx context.Context, b Blob) ([]byte, error) {
	if raw, ok := Whole(b); ok {
		return raw, nil
	}
	r, err := b.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	raw := make([]byte, b.Size())
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, fmt.Errorf("read %d bytes of a message: %w", len(raw), shorter(err))
	}
	return raw, nil
}

// shorter makes an error of an end that came too early, whichever way it is put.
func shorter(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
