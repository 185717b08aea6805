package tables

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"crypto/rand"
	"strings"

	"github.com/mailrig/mailrig/internal/store"
)

// pieceSize is how many bytes of a message are in one row, and at once in memory. The number of a piece is that of its
// body, shifted by pieceBits, plus its own: bodies have at most 2^31 bytes.
const (
	pieceSize = 64 << 10
	pieceBits = 16
)

// incoming is a message that is about to be stored.
type incoming struct {
	content  store.Blob
	digest   [sha256.Size]byte
	name     string
	received time.Time
	envelope store.Envelope
	mine     *message // it is in this store already, or was
	date     time.Time
}

// take looks at incoming content, before the transaction. It reads all of it once, in pieces.
func (s *Store) take(ctx context.Context, in *store.Incoming) (*incoming, error) {
	if n := in.Content.Size(); n > s.maxBytes || n > pieceSize<<pieceBits {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", store.ErrTooBig, n, s.maxBytes)
	}
	i := &incoming{content: in.Content, received: in.Received, envelope: in.Envelope, date: in.Date}
	if m, ok := in.Content.(store.Message); ok {
		i.name = m.ID()
		origin, err := m.Origin(ctx)
		if err != nil {
			return nil, err
		}
		i.received, i.envelope = origin.Received, origin.Envelope
		i.mine, _ = m.(*message)
		if i.mine != nil && i.mine.store != s {
			i.mine = nil
		}
	} else {
		// 80 random bits: unique without a counter, and impossible to guess from another message's name.
		i.name = strings.ToLower(rand.Text()[:16])
	}
	if i.received.IsZero() {
		i.received = s.now()
	}
	if i.date.IsZero() {
		i.date = i.received
	}
	if i.mine != nil {
		return i, nil
	}
	return i, i.sum(ctx)
}

// sum computes the digest.
func (i *incoming) sum(ctx context.Context) error {
	if raw, ok := store.Whole(i.content); ok {
		i.digest = sha256.Sum256(raw)
		return nil
	}
	h := sha256.New()
	err := inPieces(ctx, i.content, func(piece []byte) error {
		_, err := h.Write(piece)
		return err
	})
	h.Sum(i.digest[:0])
	return err
}

// inPieces calls f for each piece of a blob. The pieces belong to the blob, or are used again.
func inPieces(ctx context.Context, b store.Blob, f func([]byte) error) error {
	if raw, ok := store.Whole(b); ok {
		for ; len(raw) > pieceSize; raw = raw[pieceSize:] {
			if err := f(raw[:pieceSize]); err != nil {
				return err
			}
		}
		return f(raw)
	}
	r, err := b.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	buffer := make([]byte, min(pieceSize, b.Size()))
	for left := b.Size(); left > 0; left -= int64(len(buffer)) {
		buffer = buffer[:min(left, int64(len(buffer)))]
		if _, err := io.ReadFull(r, buffer); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("read %d bytes of a message: %w", b.Size(), err)
		}
		if err := f(buffer); err != nil {
			return err
		}
	}
	return nil
}

// store puts a message into the database, in the caller's transaction. Until it has an entry, nobody holds it.
func (t *tx) put(ctx context.Context, i *incoming) (*message, error) {
	if m := i.mine; m != nil {
		found, err := t.Get("SELECT 1 FROM messages WHERE id = ?", []any{m.number}, new(int))
		if err == nil && !found {
			err = store.ErrGone
		}
		return m, err
	}
	body, err := t.putBody(ctx, i)
	if err != nil {
		return nil, err
	}
	t.numbers.message++
	m := &message{store: t.store, number: t.numbers.message, name: i.name, body: body, size: i.content.Size()}
	f := &fresh{}
	f.at, f.zone = micros(i.received)
	if e := &i.envelope; e.From != "" || len(e.Recipients) > 0 || e.Session != "" || e.User != "" {
		text, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		f.envelope = string(text)
	}
	if t.fresh == nil {
		t.fresh = map[*message]*fresh{}
	}
	t.fresh[m] = f
	return m, nil
}

// fresh is a message that the present step stores. It is written at the end of the step, when it is known how many entries it
// has.
type fresh struct {
	at       int64 // when it was received
	zone     int
	envelope any // nil if it is empty
	arrival  uint64
	refs     int
}

// writeFresh writes the messages that the present step has stored.
func (t *tx) writeFresh() error {
	for m, f := range t.fresh {
		if err := t.Exec("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)", m.number, m.name, m.body, f.at, f.zone, f.envelope, int64(f.arrival), f.refs); err != nil {
			return err
		}
	}
	t.fresh = nil
	return nil
}

// putBody puts a message's bytes into the database, unless they are there, and returns their number.
func (t *tx) putBody(ctx context.Context, i *incoming) (int64, error) {
	digest := i.digest[:]
	number, known := t.found.bodies[string(digest)]
	if !known {
		if _, err := t.Get("SELECT id FROM bodies WHERE digest = ?", []any{digest}, &number); err != nil {
			return 0, err
		}
	}
	if number != 0 {
		return number, t.Exec("UPDATE bodies SET refs = refs + 1 WHERE id = ?", number)
	}
	number, written := t.large[string(digest)]
	if !written {
		t.numbers.body++
		number = t.numbers.body
	}
	t.found.bodies[string(digest)] = number
	if err := t.Exec("INSERT INTO bodies VALUES (?, ?, ?, 1)", number, digest, i.content.Size()); err != nil {
		return 0, err
	}
	if written {
		return number, nil
	}
	return number, t.putPieces(ctx, i, number)
}

// putPieces puts the bytes of a body into the database, and checks its digest.
func (t *tx) putPieces(ctx context.Context, i *incoming, number int64) error {
	id, h := number<<pieceBits, sha256.New()
	err := inPieces(ctx, i.content, func(piece []byte) error {
		if len(piece) == 0 {
			return nil
		}
		h.Write(piece)
		id++
		return t.Exec("INSERT INTO pieces VALUES (?, ?)", id-1, piece)
	})
	if err == nil && !bytes.Equal(h.Sum(nil), i.digest[:]) {
		err = errors.New("a message has changed while it was being stored")
	}
	return err
}

// hold counts one more entry of a message, which gets the next number of arrivals.
func (t *tx) hold(m *message) error {
	if f := t.fresh[m]; f != nil {
		if f.refs++; f.arrival == 0 {
			f.arrival = t.numbers.arrival + 1
		}
		return nil
	}
	return t.Exec("UPDATE messages SET refs = refs + 1, arrival = CASE arrival WHEN 0 THEN ? ELSE arrival END WHERE id = ?", int64(t.numbers.arrival+1), m.number)
}

// release counts one entry less of a message. One that has none goes, and so do its bytes if they are nobody else's. No
// statement needs the answer of another one: they can be sent together.
func (t *tx) release(m *message) error {
	clear(t.found.bodies)
	pieces := []any{m.body << pieceBits, (m.body + 1) << pieceBits, m.body}
	return errors.Join(
		t.Exec("UPDATE messages SET refs = refs - 1 WHERE id = ?", m.number),
		t.Exec("UPDATE bodies SET refs = refs - 1 WHERE id = ? AND EXISTS (SELECT 1 FROM messages WHERE id = ? AND refs = 0)", m.body, m.number),
		t.Exec("DELETE FROM messages WHERE id = ? AND refs = 0", m.number),
		t.Exec("DELETE FROM pieces WHERE id >= ? AND id < ? AND EXISTS (SELECT 1 FROM bodies WHERE id = ? AND refs = 0)", pieces...),
		t.Exec("DELETE FROM bodies WHERE id = ? AND refs = 0", m.body),
	)
}
