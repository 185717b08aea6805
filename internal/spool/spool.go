// Package spool gathers a message while it arrives: the first bytes in memory, and a large message in a temporary
// file. So clients that never finish their uploads cost little memory, however many there are.
//
// The IMAP adapter spools APPEND. A Spool is also a store.Blob: what was gathered goes to the store as it is.
package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/store"
)

// InMemory is how many bytes of a message are held in memory at most. A larger message is in a file.
const InMemory = 256 << 10

// A spool begins with this many bytes of memory, depending on what it expects.
const (
	smallest = 512
	largest  = 64 << 10
)

// Room is where spools are. The zero value has no bounds.
type Room struct {
	Memory *budget.Share // if there is no memory left, even a small message goes into a file
	Files  *budget.Files
}

// New returns an empty spool. expected is how many bytes are expected; it needn't be true.
func (r Room) New(expected int64) *Spool {
	return &Spool{room: r, expected: int(min(max(expected, smallest), largest))}
}

// Spool is a message that is being gathered, or has been. One goroutine writes; then any number may read. Close it in
// any case.
type Spool struct {
	room     Room
	expected int

	memory   []byte
	reserved int64
	file     *budget.File
}

var (
	_ io.Writer  = (*Spool)(nil)
	_ store.Blob = (*Spool)(nil)
)

// Write implements io.Writer. It fails with budget.ErrFull if there is no room; what was gathered so far stays.
func (s *Spool) Write(b []byte) (int, error) {
	if s.file == nil && s.grow(len(b)) {
		s.memory = append(s.memory, b...)
		return len(b), nil
	}
	if s.file == nil {
		if err := s.spill(); err != nil {
			return 0, err
		}
	}
	return s.file.Write(b)
}

// ReadFrom implements io.ReaderFrom.
func (s *Spool) ReadFrom(r io.Reader) (total int64, err error) {
	var piece []byte // for the file
	for {
		to := piece
		if s.file == nil {
			if len(s.memory) == cap(s.memory) && !s.grow(1) {
				if err := s.spill(); err != nil {
					return total, err
				}
				continue
			}
			to = s.memory[len(s.memory):cap(s.memory)]
		} else if piece == nil {
			piece = make([]byte, 32<<10)
			to = piece
		}
		n, err := r.Read(to)
		if s.file == nil {
			s.memory = s.memory[:len(s.memory)+n]
		} else if _, err := s.file.Write(to[:n]); err != nil {
			return total, err
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

// grow makes room for n more bytes in memory. It reports false if they belong into a file.
func (s *Spool) grow(n int) bool {
	need := len(s.memory) + n
	if need <= cap(s.memory) {
		return true
	}
	if need > InMemory {
		return false
	}
	size := min(max(need, 2*cap(s.memory), s.expected), InMemory)
	if s.expected = 0; s.room.Memory.Reserve(int64(size)) != nil {
		return false
	}
	grown := make([]byte, len(s.memory), size)
	copy(grown, s.memory)
	s.forget()
	s.memory, s.reserved = grown, int64(size)
	return true
}

// spill moves everything into a file.
func (s *Spool) spill() error {
	file, err := s.room.Files.Create()
	if err != nil {
		return err
	}
	if _, err := file.Write(s.memory); err != nil {
		return errors.Join(err, file.Close())
	}
	s.forget()
	s.file = file
	return nil
}

// forget releases the memory.
func (s *Spool) forget() {
	s.room.Memory.Release(s.reserved)
	s.memory, s.reserved = nil, 0
}

// Size implements store.Blob.
func (s *Spool) Size() int64 {
	if s.file != nil {
		return s.file.Size()
	}
	return int64(len(s.memory))
}

// Open implements store.Blob.
func (s *Spool) Open(ctx context.Context) (store.Reader, error) {
	if s.file != nil {
		return &fileReader{SectionReader: io.NewSectionReader(s.file, 0, s.file.Size()), ctx: ctx}, nil
	}
	return store.Bytes(s.memory).Open(ctx)
}

// fileReader reads a spool's file. Closing it leaves the file to the spool.
type fileReader struct {
	*io.SectionReader
	ctx context.Context
}

func (r *fileReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.SectionReader.Read(b)
}

func (r *fileReader) Close() error { return nil }

// Content returns what was gathered as something that a store can keep: the bytes themselves, or the spool. It is valid
// until the spool is closed; bytes stay valid. The spool must not be written to any more.
func (s *Spool) Content() store.Blob {
	if s.file != nil {
		return s
	}
	if spare := cap(s.memory) - len(s.memory); spare > len(s.memory)/8 {
		return store.Bytes(bytes.Clone(s.memory)) // a store would keep the spare bytes too
	}
	return store.Bytes(s.memory[:len(s.memory):len(s.memory)])
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
