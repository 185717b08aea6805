package seed_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/memory"
	"github.com/mailrig/mailrig/internal/store/seed"
)

// TestSave checks that what Save writes is what Load reads: the same bytes and dates, in the same order. Nothing is written
// outside the directory.
func TestSave(t *testing.T) {
	t.Parallel()
	ctx, st := t.Context(), memory.New(memory.Options{})
	for _, name := range []string{"Work/2026", "..", "../../escaped", ".hidden"} {
		if err := st.Create(ctx, "u", name, ""); err != nil {
			t.Fatal(err)
		}
	}
	date := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	bodies := []string{"Subject: 1\r\n\r\nx\r\n", "bare\nlines\n", "", "last\r\n"}
	work, err := st.Mailbox(ctx, "u", "Work/2026")
	if err != nil {
		t.Fatal(err)
	}
	for i, body := range bodies {
		in := store.Incoming{Content: store.Bytes(body), Date: date.Add(time.Duration(i) * time.Hour), Gap: 9}
		if _, err := st.Append(ctx, work.ID, []store.Incoming{in}); err != nil {
			t.Fatal(err)
		}
	}
	parent := t.TempDir()
	dir := filepath.Join(parent, "a", "out")
	saved, err := seed.Save(ctx, st, dir)
	want := []string{"u@example.test/..", "u@example.test/../..", "u@example.test/../../escaped", "u@example.test/.hidden"}
	slices.Sort(saved.LeftOut)
	if err != nil || saved.Messages != len(bodies) || !slices.Equal(saved.LeftOut, want) {
		t.Fatalf("%+v, %v", saved, err)
	}
	if _, err := seed.Save(ctx, st, dir); err == nil {
		t.Error("a directory that isn't empty is written to")
	}
	if list, err := os.ReadDir(parent); err != nil || len(list) != 1 {
		t.Errorf("written outside: %v, %v", list, err)
	}
	again := memory.New(memory.Options{})
	if n, err := seed.Load(ctx, again, os.DirFS(dir), seed.Options{Raw: true}); n != len(bodies) || err != nil {
		t.Fatal(n, err)
	}
	box, err := again.Mailbox(ctx, "u", "Work/2026")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := again.Entries(ctx, box.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		raw, err := store.ReadAll(ctx, e.Message)
		if err != nil || string(raw) != bodies[i] || !e.Date.Equal(date.Add(time.Duration(i)*time.Hour)) {
			t.Errorf("message %d is %q of %v, %v", i, raw, e.Date, err)
		}
	}
}
