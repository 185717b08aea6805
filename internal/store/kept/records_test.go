package kept

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/state"
	"github.com/mailrig/mailrig/internal/state/statetest"
	"github.com/mailrig/mailrig/internal/testkit/golden"
)

func TestState(t *testing.T) {
	t.Parallel()
	statetest.Run(t, func(t testing.TB) statetest.Rig {
		var passed atomic.Int64
		s, err := Open(t.TempDir(), Options{Now: func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }})
		must(t, err)
		t.Cleanup(func() { must(t, s.Close()) })
		return statetest.Rig{Stores: []state.Store{s.State()}, Advance: func(d time.Duration) { passed.Add(int64(d)) }}
	})
}

// TestRecordsAreKept checks that records are the same after the store was opened again, that versions and numbers go on, and
// that what a process had claimed isn't lost with it.
func TestRecordsAreKept(t *testing.T) {
	t.Parallel()
	dir, ctx := t.TempDir(), t.Context()
	s := opened(t, dir)
	st := s.State()
	version, err := st.Apply(ctx, state.Put("a", "x", []byte("1")), state.Put("job", "y", []byte("2")).At(time.Now().Add(-time.Minute)))
	must(t, err)
	if _, err := st.Take(ctx, "n", 5); err != nil {
		t.Fatal(err)
	}
	if got, _, err := st.Claim(ctx, "job", 1, time.Hour); err != nil || len(got) != 1 {
		t.Fatalf("claimed %v, %v", got, err)
	}
	must(t, s.Close())

	s = opened(t, dir)
	st = s.State()
	r, err := st.Get(ctx, "a", "x")
	must(t, err)
	if string(r.Data) != "1" || r.Version != version {
		t.Errorf("kept %q with version %d, want that of version %d", r.Data, r.Version, version)
	}
	got, _, err := st.Claim(ctx, "job", 1, time.Hour)
	must(t, err)
	if len(got) != 1 || string(got[0].Data) != "2" || got[0].Version <= version+1 {
		t.Errorf("claimed %+v, behind version %d", got, version+1)
	}
	if n, err := st.Take(ctx, "n", 1); err != nil || n != 6 {
		t.Errorf("the next number is %d, %v", n, err)
	}
}

// TestMigration opens a directory of version 1 of the tables: everything is there, and records can be written.
func TestMigration(t *testing.T) {
	t.Parallel()
	dir, ctx := t.TempDir(), t.Context()
	packed, err := os.ReadFile("testdata/version1.db.gz")
	must(t, err)
	unpack, err := gzip.NewReader(bytes.NewReader(packed))
	must(t, err)
	raw, err := io.ReadAll(unpack)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, fileName), raw, 0o600))
	for range 2 { // the second time it is of the latest version
		s := opened(t, dir)
		golden.Check(t, "testdata/version1.txt", dump(t, s))
		if _, err := s.State().Apply(ctx, state.Put("a", "x", nil)); err != nil {
			t.Error(err)
		}
		must(t, s.Close())
	}
}
