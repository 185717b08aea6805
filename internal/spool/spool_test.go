package spool

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/store"
)

// TestSpool writes messages of many sizes in pieces and reads them back, with and without room in memory.
func TestSpool(t *testing.T) {
	t.Parallel()
	for _, memory := range []int64{0, 1, 4 << 10, 1 << 20} {
		for _, size := range []int{0, 1, 600, 5000, InMemory, InMemory + 1, 3*InMemory + 7} {
			dir := t.TempDir()
			share := budget.New(memory).Share(0)
			s := Room{share, budget.NewFiles(dir, 0, 0)}.New(int64(size / 3))
			want := random(size)
			for rest := want; len(rest) > 0; {
				n := min(len(rest), 1+rand.IntN(9000))
				if k, err := s.Write(rest[:n]); k != n || err != nil {
					t.Fatalf("write %d bytes: %d, %v", n, k, err)
				}
				rest = rest[n:]
			}
			if size%2 == 0 {
				again := Room{share, budget.NewFiles(dir, 0, 0)}.New(int64(size / 3))
				if n, err := again.ReadFrom(iotest.HalfReader(bytes.NewReader(want))); n != int64(size) || err != nil {
					t.Fatalf("read %d of %d bytes: %v", n, size, err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				s = again
			}
			if s.Size() != int64(size) {
				t.Fatalf("size %d, want %d", s.Size(), size)
			}
			for name, b := range map[string]store.Blob{"spool": s, "content": s.Content()} {
				got, err := store.ReadAll(context.Background(), b)
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("%s of %d bytes, memory %d: differs, %v", name, size, memory, err)
				}
				r, err := b.Open(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				piece := make([]byte, min(size, 3))
				if _, err := r.ReadAt(piece, int64(size-len(piece))); err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(piece, want[size-len(piece):]) {
					t.Fatalf("%s: its end is %q, %v", name, piece, err)
				}
				r.Close()
			}
			if memory > 0 && share.Used() > memory {
				t.Errorf("%d bytes of memory used of %d", share.Used(), memory)
			}
			content := s.Content()
			whole, inMemory := store.Whole(content)
			if err := errors.Join(s.Close(), s.Close()); err != nil || share.Used() != 0 {
				t.Errorf("after Close: %v, %d bytes of memory used", err, share.Used())
			}
			if inMemory && (!bytes.Equal(whole, want) || cap(whole) > len(whole)+len(whole)/8+16) {
				t.Errorf("the bytes changed after Close, or keep %d bytes for %d", cap(whole), len(whole))
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		}
	}
}

// TestFull: what doesn't fit is refused, and everything is given back.
func TestFull(t *testing.T) {
	t.Parallel()
	share, files := budget.New(1<<20).Share(0), budget.NewFiles(t.TempDir(), 1<<20, 1)
	room := Room{share, files}
	large := room.New(0)
	var err error
	for range 10 {
		if _, err = large.Write(random(200 << 10)); err != nil {
			break
		}
	}
	if !errors.Is(err, budget.ErrFull) {
		t.Fatalf("two megabytes in one: %v", err)
	}
	other := room.New(0)
	if _, err := other.Write(random(300 << 10)); !errors.Is(err, budget.ErrFull) {
		t.Errorf("a second file where one is allowed: %v", err)
	}
	if err := errors.Join(large.Close(), other.Close()); err != nil {
		t.Error(err)
	}
	again := room.New(0)
	if _, err := again.Write(random(1 << 20)); err != nil {
		t.Errorf("there should be room again: %v", err)
	}
	again.Close()
	if share.Used() != 0 {
		t.Errorf("%d bytes are still reserved", share.Used())
	}
}

// TestOneCopy: what a message takes is the bytes that the store keeps. All other memory is used again for the next
// message.
func TestOneCopy(t *testing.T) {
	const size, messages = 100 << 10, 200
	message := random(size)
	gather := func() {
		s := Room{}.New(0)
		if _, err := s.ReadFrom(bytes.NewReader(message)); err != nil || s.Content().Size() != size {
			t.Fatal(err, s.Size())
		}
		s.Close()
	}
	gather()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range messages {
		gather()
	}
	runtime.ReadMemStats(&after)
	// The race detector has pools lose a quarter of what is put into them.
	if each := (after.TotalAlloc - before.TotalAlloc) / messages; each > size*8/5 {
		t.Errorf("%d bytes of memory for a message of %d", each, size)
	}
}

// TestContentIsHeldOnce: as soon as the bytes are in one piece, nothing else is reserved.
func TestContentIsHeldOnce(t *testing.T) {
	t.Parallel()
	share := budget.New(1 << 20).Share(0)
	s := Room{Memory: share}.New(0)
	if _, err := s.Write(random(70 << 10)); err != nil {
		t.Fatal(err)
	}
	if s.Content(); share.Used() != 70<<10 {
		t.Errorf("%d bytes are reserved", share.Used())
	}
	if s.Close(); share.Used() != 0 {
		t.Errorf("after Close %d bytes are reserved", share.Used())
	}
}

// TestIdleSpoolIsSmall: a client that has only begun costs next to nothing.
func TestIdleSpoolIsSmall(t *testing.T) {
	t.Parallel()
	share := budget.New(1 << 20).Share(0)
	s := Room{Memory: share}.New(50 << 20)
	defer s.Close()
	if share.Used() != 0 {
		t.Errorf("an empty spool holds %d bytes", share.Used())
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}
