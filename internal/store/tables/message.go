package tables

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/mailrig/mailrig/internal/store"
)

// message implements store.Message. It knows where the message is, and holds nothing of it.
type message struct {
	store  *Store
	number int64
	name   string
	body   int64
	size   int64
}

// ID implements store.Message.
func (m *message) ID() string { return m.name }

// Size implements store.Blob.
func (m *message) Size() int64 { return m.size }

// Origin implements store.Message.
func (m *message) Origin(ctx context.Context) (o store.Origin, err error) {
	var at int64
	var zone int
	var envelope sql.NullString
	err = m.get(ctx, "SELECT received, zone, envelope, arrival FROM messages WHERE id = ?", m.number, &at, &zone, &envelope, &o.Arrival)
	if err != nil {
		return store.Origin{}, err
	}
	o.Received = dateOf(at, zone)
	if envelope.Valid {
		err = json.Unmarshal([]byte(envelope.String), &o.Envelope)
	}
	return o, err
}

// Digest implements store.Message.
func (m *message) Digest(ctx context.Context) (sum [sha256.Size]byte, err error) {
	var digest []byte
	err = m.get(ctx, "SELECT digest FROM bodies WHERE id = ?", m.body, &digest)
	copy(sum[:], digest)
	return sum, err
}

// get reads a row that is there as long as the message is.
func (m *message) get(ctx context.Context, query string, id int64, dest ...any) error {
	return m.store.engine.Ask(ctx, func(c Conn) error {
		found, err := c.Get(query, []any{id}, dest...)
		if err == nil && !found {
			err = store.ErrGone
		}
		return err
	})
}

// Open implements store.Blob.
func (m *message) Open(ctx context.Context) (store.Reader, error) {
	r := &reader{message: m, ctx: ctx}
	return r, r.load(0)
}

// reader reads a message. It holds one piece of it, and nothing in the database.
type reader struct {
	message *message
	ctx     context.Context
	at      int64  // of Read
	piece   []byte // the bytes from first on
	first   int64
}

// load makes the piece that has the byte at this offset the present one.
func (r *reader) load(at int64) error {
	number := at / pieceSize
	piece, err := r.message.piece(r.ctx, number)
	if err != nil {
		return err
	}
	r.piece, r.first = piece, number*pieceSize
	return nil
}

// piece reads one piece of the message.
func (m *message) piece(ctx context.Context, number int64) (piece []byte, err error) {
	if number*pieceSize >= m.size {
		return nil, nil
	}
	err = m.get(ctx, "SELECT bytes FROM pieces WHERE id = ?", m.body<<pieceBits+number, &piece)
	if want := min(pieceSize, m.size-number*pieceSize); err == nil && int64(len(piece)) != want {
		err = fmt.Errorf("piece %d of message %s has %d bytes, and should have %d", number, m.name, len(piece), want)
	}
	return piece, err
}

// Read implements io.Reader.
func (r *reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if r.at >= r.message.size {
		return 0, io.EOF
	}
	if len(b) == 0 {
		return 0, nil
	}
	if r.at < r.first || r.at >= r.first+int64(len(r.piece)) {
		if err := r.load(r.at); err != nil {
			return 0, err
		}
	}
	n := copy(b, r.piece[r.at-r.first:])
	r.at += int64(n)
	return n, nil
}

// ReadAt implements io.ReaderAt. Several goroutines may call it.
func (r *reader) ReadAt(b []byte, at int64) (total int, err error) {
	if at < 0 {
		return 0, errors.New("read a message before its beginning")
	}
	for total < len(b) {
		if at >= r.message.size {
			return total, io.EOF
		}
		piece, err := r.message.piece(r.ctx, at/pieceSize)
		if err != nil {
			return total, err
		}
		n := copy(b[total:], piece[at%pieceSize:])
		total, at = total+n, at+int64(n)
	}
	return total, nil
}

// Close implements io.Closer.
func (r *reader) Close() error { return nil }
