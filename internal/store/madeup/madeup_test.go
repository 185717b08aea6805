package madeup_test

import (
	"bytes"
	"context"
	"net/mail"
	"runtime"
	"testing"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/madeup"
	"github.com/mailrig/mailrig/internal/store/memory"
)

func inbox(t *testing.T) (*memory.Store, store.Mailbox) {
	t.Helper()
	st := memory.New(memory.Options{})
	box, err := st.Mailbox(t.Context(), "a", "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	return st, box
}

func read(t *testing.T, m store.Message) []byte {
	t.Helper()
	raw, err := store.ReadAll(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestAppend(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for _, size := range []int{600, 601, 662, 663, 664, 2000, 100_000} {
		st, box := inbox(t)
		if _, err := st.Deliver(ctx, []string{"a"}, store.Incoming{Content: store.Bytes("Subject: x\r\n\r\n")}); err != nil {
			t.Fatal(err)
		}
		if n, err := madeup.Append(ctx, st, box.ID, madeup.Messages{Count: 9, Size: size, Gap: 7, To: "a@example.test"}); n != 9 || err != nil {
			t.Fatalf("%d added, %v", n, err)
		}
		entries, err := st.Entries(ctx, box.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		ids := map[string]bool{}
		for i, e := range entries[1:] {
			if want := store.UID(2 + 6 + 7*i); e.UID != want {
				t.Errorf("UID %d, want %d", e.UID, want)
			}
			raw := bytes.Clone(read(t, e.Message))
			read(t, entries[1].Message) // read another one in between
			if len(raw) != size || e.Message.Size() != int64(size) || !bytes.Equal(raw, read(t, e.Message)) {
				t.Errorf("size %d, says %d, want %d; or other bytes the second time", len(raw), e.Message.Size(), size)
			}
			if !bytes.HasSuffix(raw, []byte("\r\n")) || bytes.Count(raw, []byte("\n")) != bytes.Count(raw, []byte("\r\n")) {
				t.Errorf("line ends of %q", raw)
			}
			if m, err := mail.ReadMessage(bytes.NewReader(raw)); err != nil || m.Header.Get("Message-ID") == "" {
				t.Error(err)
			}
			ids[e.Message.ID()] = true
		}
		if st, err := st.Status(ctx, box.ID); err != nil || len(ids) != 9 || st.UIDNext != entries[9].UID+1 || st.Unseen != 10 {
			t.Errorf("%d ids, %+v, %v", len(ids), st, err)
		}
	}
}

func TestAppendChecks(t *testing.T) {
	t.Parallel()
	st, box := inbox(t)
	for _, m := range []madeup.Messages{{Count: 1, Size: 599, Gap: 1}, {Count: 1, Size: 600}, {Count: 5, Size: 600, Gap: 1 << 30}} {
		if n, err := madeup.Append(context.Background(), st, box.ID, m); n != 0 || err == nil {
			t.Errorf("%+v: %d, %v", m, n, err)
		}
	}
}

// TestCheap checks that 100,000 messages of 2 KB, which would take 200 MB, cost less than 20 MB, even when each has
// been read.
func TestCheap(t *testing.T) {
	st, box := inbox(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const n = 100_000
	if _, err := madeup.Append(t.Context(), st, box.ID, madeup.Messages{Count: n, Size: 2000, Gap: 3}); err != nil {
		t.Fatal(err)
	}
	entries, err := st.Entries(t.Context(), box.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		if i%1000 == 0 && len(read(t, e.Message)) != 2000 {
			t.Fatal("wrong size")
		}
		if _, err := store.Memo(e.Message, "key", func() ([]byte, error) { return make([]byte, 1000), nil }); err != nil {
			t.Fatal(err)
		}
	}
	entries = nil
	runtime.GC()
	runtime.ReadMemStats(&after)
	grown := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d bytes for each of %d messages", grown/n, n)
	if grown > 20<<20 {
		t.Errorf("%d messages take %d MiB", n, grown>>20)
	}
	runtime.KeepAlive(st)
}
