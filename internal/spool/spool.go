// Package spool gathers a message while it arrives: the first bytes in memory, and a large message in a temporary
// file. So clients that never finish their uploads cost little memory, however many there are.
//
// The IMAP adapter spools APPEND. A Spool is also a store.Blob: what was gathered goes to the store as it is.
package spool

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/store"
)

// InMemory is how many bytes of a message are held in memory at most. A larger message is in a file.
const InMemory = 256 << 10

// Room is where spools are. The zero value has no bounds.
type Room struct {
	Memory *budget.Share // if there is no memory left, even a small message goes into a file
	Files  *budget.Files
}

// New returns an empty spool. expected is how many bytes are expected; it needn't be true.
func (r Room) New(expected int64) *Spool { return &Spool{room: r, expected: expected} }

// Spool is a message that is being gathered, or has been. One goroutine writes; then any number may read. Close it in
// any case.
type Spool struct {
	room     Room
	expected int64

	memory   memory
	whole    []byte // what memory held, in one; see Content
	reserved int64
	file     *budget.File
}

var (
	_ io.Writer  = (*Spool)(nil)
	_ store.Blob = (*Spool)(nil)
)

// Write implements io.Writer. It fails with budget.ErrFull if there is no room; what was gathered so far stays.
func (s *Spool) Write(b []byte) (total int, err error) {
	for len(b) > 0 {
		to, err := s.space()
		if err != nil {
			return total, err
		}
		n := min(len(to), len(b))
		if to == nil {
			if n, err = s.file.Write(b); err != nil {
				return total + n, err
			}
		} else {
			copy(to, b[:n])
			s.memory.size += n
		}
		total, b = total+n, b[n:]
	}
	return total, nil
}

// ReadFrom implements io.ReaderFrom. It reads into the spool's own memory.
func (s *Spool) ReadFrom(r io.Reader) (total int64, err error) {
	var between *piece // what is on its way to the file
	defer func() { between.free() }()
	for {
		to, err := s.space()
		if err != nil {
			return total, err
		}
		inFile := to == nil
		if inFile {
			if between == nil {
				between = newPiece(largest)
			}
			to = between.b
		}
		n, err := r.Read(to)
		if inFile {
			if _, err := s.file.Write(to[:n]); err != nil {
				return total, err
			}
		} else {
			s.memory.size += n
		}
		total += int64(n)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// space returns memory for the next bytes, or nil if they belong into the file.
func (s *Spool) space() ([]byte, error) {
	if s.file != nil {
		return nil, nil
	}
	if to := s.memory.spare(); len(to) > 0 {
		return to, nil
	}
	if s.memory.size < InMemory {
		n := s.memory.next(s.expected)
		if s.room.Memory.Reserve(int64(n)) == nil {
			s.reserved += int64(n)
			s.memory.add(newPiece(n))
			return s.memory.spare(), nil
		}
	}
	return nil, s.spill()
}

// spill moves everything into a file.
func (s *Spool) spill() error {
	file, err := s.room.Files.Create()
	if err != nil {
		return err
	}
	for b := range s.memory.all() {
		if _, err := file.Write(b); err != nil {
			return errors.Join(err, file.Close())
		}
	}
	s.forget()
	s.file = file
	return nil
}

// forget releases the memory.
func (s *Spool) forget() {
	s.memory.free()
	s.room.Memory.Release(s.reserved)
	s.whole, s.reserved = nil, 0
}

// Size implements store.Blob.
func (s *Spool) Size() int64 {
	if s.file != nil {
		return s.file.Size()
	}
	return int64(len(s.whole) + s.memory.size)
}

// Open implements store.Blob.
func (s *Spool) Open(ctx context.Context) (store.Reader, error) {
	var from io.ReaderAt = &s.memory
	if s.file != nil {
		from = s.file
	} else if s.whole != nil {
		return store.Bytes(s.whole).Open(ctx)
	}
	return &reader{SectionReader: io.NewSectionReader(from, 0, s.Size()), ctx: ctx}, nil
}

// reader reads a spool. Closing it leaves the bytes to the spool.
type reader struct {
	*io.SectionReader
	ctx context.Context
}

func (r *reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.SectionReader.Read(b)
}

func (r *reader) Close() error { return nil }

// Content returns what was gathered as something that a store can keep: the bytes themselves, without a spare one, or
// the spool. It is valid until the spool is closed; bytes stay valid. The spool must not be written to any more.
func (s *Spool) Content() store.Blob {
	if s.file != nil {
		return s
	}
	if s.memory.size > 0 { // from here on the spool reads from the bytes too, so that they aren't held twice
		s.whole = s.memory.join()
		s.memory.free()
		s.room.Memory.Release(s.reserved - int64(len(s.whole)))
		s.reserved = int64(len(s.whole))
	}
	return store.Bytes(s.whole)
}

// Close releases the memory and removes the file. It may be called more than once.
func (s *Spool) Close() error {
	s.forget()
	if s.file == nil {
		return nil
	}
	if err := s.file.Close(); err != nil {
		return fmt.Errorf("remove a temporary file: %w", err)
	}
	s.file = nil
	return nil
}
