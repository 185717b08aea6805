package budget

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
)

func TestShare(t *testing.T) {
	t.Parallel()
	b := New(100)
	all, some := b.Share(0), b.Share(30)
	steps := []struct {
		name  string
		share *Share
		n     int64
		full  bool
		used  int64 // of the budget, afterwards
	}{
		{"fits", all, 60, false, 60},
		{"fits both", some, 30, false, 90},
		{"beyond its share", some, 1, true, 90},
		{"beyond the budget", all, 11, true, 90},
		{"exactly the rest", all, 10, false, 100},
		{"nothing is left", all, 1, true, 100},
		{"nothing needs no room", all, 0, false, 100},
	}
	for _, s := range steps {
		err := s.share.Reserve(s.n)
		if errors.Is(err, ErrFull) != s.full || b.Used() != s.used {
			t.Fatalf("%s: error %v, %d bytes used; want full %v, %d", s.name, err, b.Used(), s.full, s.used)
		}
	}
	all.Take(5)
	if b.Used() != 105 || all.Used() != 75 {
		t.Fatalf("Take beyond the limit: %d and %d bytes used", b.Used(), all.Used())
	}
	all.Release(75)
	some.Release(30)
	if b.Used() != 0 || some.Used() != 0 {
		t.Fatalf("after Release, %d and %d bytes are still used", b.Used(), some.Used())
	}
	if all.Fits(101) || some.Fits(31) || !some.Fits(30) {
		t.Error("Fits doesn't agree with the limits")
	}
	var none *Share
	none.Release(1)
	if err := none.Reserve(1 << 60); err != nil || !none.Fits(1<<60) || none.Used() != 0 {
		t.Errorf("a nil share has a bound: %v", err)
	}
}

func TestShareIsNeverExceeded(t *testing.T) {
	t.Parallel()
	b := New(1000)
	var group sync.WaitGroup
	for range 8 {
		share := b.Share(400)
		group.Go(func() {
			for range 20_000 {
				if share.Reserve(7) == nil {
					if used := b.Used(); used > 1000+8*7 { // others may be about to take theirs back
						t.Errorf("%d bytes used of 1000", used)
					}
					share.Release(7)
				}
			}
		})
	}
	group.Wait()
	if b.Used() != 0 {
		t.Errorf("%d bytes are still used", b.Used())
	}
}

func TestParseSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"536870912": 536870912, "512MB": 512e6, "2GiB": 2 << 30, "2 gib": 2 << 30, "0.5GiB": 1 << 29, "64m": 64 << 20,
		"1.5GB": 15e8, "10kB": 10e3, "7B": 7, "1TiB": 1 << 40, "0": 0,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MB", "-1", "2XB", "1e9", "NaN", "99999999999GiB", "1.2.3MB", "0x10"} {
		if got, err := ParseSize(text); err == nil || !strings.Contains(err.Error(), "512MiB") {
			t.Errorf("ParseSize(%q) = %d, %v; want an error that says what to give", text, got, err)
		}
	}
	for n, want := range map[int64]string{12: "12 bytes", 1 << 31: "2 GiB", 3 << 29: "1.5 GiB", 512 << 20: "512 MiB", 2048: "2 KiB"} {
		if got := FormatSize(n); got != want {
			t.Errorf("FormatSize(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := NewFiles(dir, 10, 2)
	first, err := files.Create()
	if err != nil {
		t.Fatal(err)
	}
	second, err := files.Create()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := files.Create(); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a third file: %v; want ErrFull with the directory's name", err)
	}
	if _, err := first.Write([]byte("12345678")); err != nil {
		t.Fatal(err)
	}
	if n, err := second.Write([]byte("abc")); n != 0 || !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), dir) {
		t.Errorf("beyond the bound: %d, %v; want ErrFull with the directory's name", n, err)
	}
	piece := make([]byte, 3)
	if _, err := first.ReadAt(piece, 2); err != nil || string(piece) != "345" || first.Size() != 8 {
		t.Errorf("read back %q of %d, %v", piece, first.Size(), err)
	}
	if err := errors.Join(first.Close(), first.Close()); err != nil {
		t.Error(err)
	}
	if _, err := second.Write([]byte("abc")); err != nil {
		t.Errorf("there should be room again: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if files.bytes.Used() != 0 || files.open.Load() != 0 {
		t.Errorf("still counted: %d bytes, %d files", files.bytes.Used(), files.open.Load())
	}
	missing := NewFiles(dir+"/none", 0, 0)
	if _, err := missing.Create(); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("a directory that doesn't exist: %v; want what to do", err)
	}
}

// TestReserveAlone checks that what is larger than the share gets in when nothing else is there, and only then.
func TestReserveAlone(t *testing.T) {
	t.Parallel()
	s := New(100).Share(10)
	if s.ReserveAlone(4) != nil || s.ReserveAlone(7) == nil {
		t.Error("a share isn't kept")
	}
	s.Release(4)
	if s.ReserveAlone(50) != nil || s.ReserveAlone(1) == nil {
		t.Error("what is too large isn't let in alone")
	}
	s.Release(50)
	if s.Used() != 0 {
		t.Errorf("%d bytes are left", s.Used())
	}
}
