package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"time"
)

// Blob is a sequence of bytes that never changes.
type Blob interface {
	// Size returns the number of bytes.
	Size() int64
	// Open returns a reader at the beginning. The caller closes it. ctx also applies to reading.
	Open(ctx context.Context) (Reader, error)
}

// Reader reads a blob from the beginning or at any offset. If a blob turns out to be shorter than its Size, that is an
// error other than io.EOF.
type Reader interface {
	io.Reader
	io.ReaderAt
	io.Closer
}

// Message is a message in a store. It is a handle that any number of entries may share. It can be read at least as long
// as one of these entries exists. Package memory keeps it as long as somebody holds the handle. Another store may
// return ErrGone some time after the last entry was expunged.
type Message interface {
	Blob // Size is RFC822.SIZE
	// ID returns a short, URL-safe name that is unique in the store.
	ID() string
	// Origin returns where the message came from.
	Origin(ctx context.Context) (Origin, error)
	// Digest returns the SHA-256 sum of the bytes.
	Digest(ctx context.Context) ([sha256.Size]byte, error)
}

// Origin is what the store knows about a message besides its bytes.
type Origin struct {
	Received time.Time
	Envelope Envelope
	// Arrival is the number of its first entry (see Entry.Arrival): a copy has a higher one. 0 means unknown.
	Arrival uint64
}

// Bytes is a blob in memory.
type Bytes []byte

// Size implements Blob.
func (b Bytes) Size() int64 { return int64(len(b)) }

// Bytes returns b itself; see Whole.
func (b Bytes) Bytes() []byte { return b }

// Open implements Blob.
func (b Bytes) Open(context.Context) (Reader, error) { return nopCloser{bytes.NewReader(b)}, nil }

// nopCloser is an io.NopCloser that keeps WriteTo and ReadAt.
type nopCloser struct{ *bytes.Reader }

func (nopCloser) Close() error { return nil }

// Whole returns a blob's bytes without copying, if the blob has them in memory. The caller must not change them. ok is
// false for other blobs.
func Whole(b Blob) (raw []byte, ok bool) {
	whole, ok := b.(interface{ Bytes() []byte })
	if !ok {
		return nil, false
	}
	return whole.Bytes(), true
}

// ReadAll returns all bytes of a blob. The caller must not change them.
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

// shorter turns an end that came too early into an error.
func shorter(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
