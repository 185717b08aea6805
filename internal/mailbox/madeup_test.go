package mailbox

import (
	"bytes"
	"net/mail"
	"runtime"
	"testing"
)

func TestFill(t *testing.T) {
	t.Parallel()
	for _, size := range []int{600, 601, 662, 663, 664, 2000, 100_000} {
		store := New(Options{})
		inbox, err := store.Account("a").Mailbox("INBOX")
		if err != nil {
			t.Fatal(err)
		}
		deliverTo(t, store, "a")
		if n := inbox.Fill(10, size, 7, "a@example.test"); n != 9 {
			t.Fatalf("%d added, want 9", n)
		}
		if n := inbox.Fill(10, size, 7, "a@example.test"); n != 0 {
			t.Errorf("%d added again", n)
		}
		entries := inbox.Entries()
		ids := map[string]bool{}
		for i, e := range entries[1:] {
			if want := UID(2 + 6 + 7*i); e.UID != want {
				t.Errorf("UID %d, want %d", e.UID, want)
			}
			raw := bytes.Clone(e.Message.Raw())
			entries[1].Message.Raw() // another one in between
			if len(raw) != size || e.Message.Size() != int64(size) || !bytes.Equal(raw, e.Message.Raw()) {
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
		if st := inbox.Status(); len(ids) != 9 || st.UIDNext != entries[9].UID+1 || st.Unseen != 10 {
			t.Errorf("%d ids, %+v", len(ids), st)
		}
	}
}

func deliverTo(t *testing.T, s *Store, user string) {
	t.Helper()
	if _, err := s.Deliver(user, NewMessage([]byte("Subject: x\r\n\r\n"), s.now(), Envelope{})); err != nil {
		t.Fatal(err)
	}
}

// TestFillIsCheap: a hundred thousand messages of 2 KB, which would be 200 MB, cost less
// than 20 MB, also when each has been read.
func TestFillIsCheap(t *testing.T) {
	store := New(Options{})
	inbox, err := store.Account("a").Mailbox("INBOX")
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const n = 100_000
	inbox.Fill(n, 2000, 3, "a@example.test")
	for i, e := range inbox.Entries() {
		if i%1000 == 0 && len(e.Message.Raw()) != 2000 {
			t.Fatal("wrong size")
		}
		e.Message.Memo("key", func() any { return make([]byte, 1000) })
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	grown := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d bytes for each of %d messages", grown/n, n)
	if grown > 20<<20 {
		t.Errorf("%d messages take %d MiB", n, grown>>20)
	}
	runtime.KeepAlive(store)
}
