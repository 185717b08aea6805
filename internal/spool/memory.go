package spool

import (
	"bytes"
	"io"
	"iter"
	"math/bits"
	"sync"
)

// The pieces of memory that a spool takes, in bytes: powers of two.
const (
	smallest = 4 << 10
	largest  = 64 << 10
)

// piece is a piece of memory that spools use one after another.
type piece struct{ b []byte }

// pools has unused pieces: of smallest bytes, of twice as many, and so on.
var pools [5]sync.Pool

func poolOf(size int) *sync.Pool { return &pools[bits.Len(uint(size/smallest))-1] }

// newPiece returns a piece. size is a power of two, from smallest to largest.
func newPiece(size int) *piece {
	if p, ok := poolOf(size).Get().(*piece); ok {
		return p
	}
	return &piece{make([]byte, size)}
}

// free gives a piece back. p may be nil.
func (p *piece) free() {
	if p != nil {
		poolOf(len(p.b)).Put(p)
	}
}

// memory is what a spool holds: pieces, of which all but the last one are full.
type memory struct {
	pieces [8]*piece // enough for InMemory, whatever is expected; see next
	count  int
	size   int // bytes held
	room   int // bytes that the pieces have
}

// next returns the size of the next piece: as much as there is already, or as is expected. Each piece is a power of two
// and divides what was there before, so that together they are exactly InMemory in the end.
func (m *memory) next(expected int64) int {
	n := max(m.room, smallest)
	if m.count == 0 && expected > smallest {
		n = 1 << bits.Len64(uint64(min(expected, largest)-1)) // the next power of two
	}
	return min(n, largest)
}

func (m *memory) add(p *piece) {
	m.pieces[m.count] = p
	m.count++
	m.room += len(p.b)
}

// spare returns the memory for the next bytes; it is empty if there is none.
func (m *memory) spare() []byte {
	if m.count == 0 {
		return nil
	}
	last := m.pieces[m.count-1].b
	return last[len(last)-(m.room-m.size):]
}

// all yields what is held.
func (m *memory) all() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		left := m.size
		for _, p := range m.pieces[:m.count] {
			b := p.b[:min(left, len(p.b))]
			if left -= len(b); !yield(b) {
				return
			}
		}
	}
}

// join returns a copy of what is held.
func (m *memory) join() []byte {
	var list [len(m.pieces)][]byte
	n := 0
	for b := range m.all() {
		list[n] = b
		n++
	}
	return bytes.Join(list[:n], nil)
}

// ReadAt implements io.ReaderAt.
func (m *memory) ReadAt(b []byte, at int64) (total int, err error) {
	for held := range m.all() {
		if at < int64(len(held)) {
			n := copy(b[total:], held[at:])
			total, at = total+n, 0
		} else {
			at -= int64(len(held))
		}
	}
	if total < len(b) {
		return total, io.EOF
	}
	return total, nil
}

// free gives all pieces back.
func (m *memory) free() {
	for _, p := range m.pieces[:m.count] {
		p.free()
	}
	*m = memory{}
}
