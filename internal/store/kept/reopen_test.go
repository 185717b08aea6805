package kept

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/state"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/tables"
)

const user = "u@example.test"

// Bounds of package tables: how many bytes a piece has, and how many entries one transaction removes.
const (
	pieceSize    = 64 << 10
	janitorBatch = 500
)

func text(s string) store.Incoming {
	return store.Incoming{Content: store.Bytes(s), Envelope: store.Envelope{From: "a@b", Recipients: []string{user}, Session: "7"}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func boxOf(t testing.TB, s *Store, name string) store.Mailbox {
	t.Helper()
	box, err := s.Mailbox(t.Context(), user, name)
	must(t, err)
	return box
}

// dump shows everything that a client can see.
func dump(t testing.TB, s *Store) string {
	t.Helper()
	var out strings.Builder
	ctx := t.Context()
	accounts, err := s.ListAccounts(ctx)
	must(t, err)
	for _, a := range accounts {
		infos, err := s.List(ctx, a)
		must(t, err)
		for _, info := range infos {
			fmt.Fprintf(&out, "%s %+v\n", a, info)
			if !info.Exists {
				continue
			}
			box, err := s.Mailbox(ctx, a, info.Name)
			must(t, err)
			snapshot, err := s.Snapshot(ctx, box.ID)
			must(t, err)
			changes, err := s.Changes(ctx, box.ID, 1)
			must(t, err)
			fmt.Fprintf(&out, "  %+v\n  %+v\n  expunged %v of %v\n", box, snapshot, changes.Expunged, changes.ModSeq)
			entries, err := s.Entries(ctx, box.ID, nil)
			must(t, err)
			for _, e := range entries {
				digest, err := e.Message.Digest(ctx)
				must(t, err)
				origin, err := e.Message.Origin(ctx)
				must(t, err)
				raw, err := store.ReadAll(ctx, e.Message)
				must(t, err)
				fmt.Fprintf(&out, "    %d %v %v %d %d %s %x %+v %d\n", e.UID, e.Flags, e.Date, e.ModSeq, e.Arrival, e.Message.ID(), digest, origin, len(raw))
			}
		}
	}
	arrived, err := s.Arrived(ctx)
	must(t, err)
	fmt.Fprintln(&out, arrived)
	return out.String()
}

// TestKept checks that whatever a client can see is the same after the store was closed and opened again, and that no
// number is handed out twice.
func TestKept(t *testing.T) {
	t.Parallel()
	dir, ctx := t.TempDir(), t.Context()
	s := opened(t, dir)
	large := store.Incoming{Content: store.Bytes(bytes.Repeat([]byte("0123456789abcde\n"), 20_000)), Date: time.Date(1999, 2, 3, 4, 5, 6, 0, time.FixedZone("", -5400))}
	inbox, sent := boxOf(t, s, "INBOX"), boxOf(t, s, "Sent")
	for i := range 6 {
		_, err := s.Deliver(ctx, []string{user, "other"}, text(fmt.Sprintf("Subject: %d\r\n\r\nx\r\n", i)))
		must(t, err)
	}
	_, err := s.Append(ctx, sent.ID, []store.Incoming{large})
	must(t, err)
	must(t, errors.Join(s.Create(ctx, user, "Work/2026", ""), s.Create(ctx, user, "Spam", `\Junk`), s.Subscribe(ctx, user, "Work/none"), s.Delete(ctx, user, "Trash")))
	_, err = s.SetFlags(ctx, inbox.ID, []store.UID{1, 3}, store.Add, []string{store.Seen, "$Work", store.Deleted})
	must(t, err)
	_, _, err = s.Move(ctx, inbox.ID, []store.UID{2}, boxOf(t, s, "Work/2026").ID)
	must(t, err)
	_, err = s.Expunge(ctx, inbox.ID, []store.UID{3, 6})
	must(t, err)
	_, err = s.ClaimRecent(ctx, inbox.ID, 5)
	must(t, err)
	before := dump(t, s)
	must(t, s.Close())
	if _, err := s.Status(ctx, inbox.ID); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a store that is closed says %v", err)
	}

	s = opened(t, dir)
	if after := dump(t, s); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	got, err := s.Deliver(ctx, []string{user, "third"}, text("later"))
	must(t, err)
	if got[0].UID != 7 {
		t.Errorf("the next UID is %d, want 7: 6 was expunged", got[0].UID)
	}
	if third := got[1].Mailbox; strings.Contains(before, fmt.Sprintf("{ID:%d ", third)) {
		t.Errorf("a mailbox's number is used again: %d in\n%s", third, before)
	}
}

// TestOnce checks that equal messages share their bytes, and that the bytes go with the last of them.
func TestOnce(t *testing.T) {
	t.Parallel()
	s, ctx := opened(t, t.TempDir()), t.Context()
	inbox := boxOf(t, s, "INBOX")
	body := strings.Repeat("x", 3*pieceSize)
	for range 3 {
		_, err := s.Deliver(ctx, []string{user, "other"}, text(body))
		must(t, err)
	}
	count := func(table string) (n int) {
		t.Helper()
		must(t, s.engine.Read(ctx, func(c tables.Conn) error {
			_, err := c.Get("SELECT count(*) FROM "+table, nil, &n)
			return err
		}))
		return n
	}
	if m, b, p := count("messages"), count("bodies"), count("pieces"); m != 3 || b != 1 || p != 3 {
		t.Errorf("%d messages have %d bodies in %d pieces", m, b, p)
	}
	_, err := s.Expunge(ctx, inbox.ID, []store.UID{1, 2, 3})
	must(t, err)
	other, err := s.Mailbox(ctx, "other", "INBOX")
	must(t, err)
	_, err = s.Expunge(ctx, other.ID, []store.UID{1, 2})
	must(t, err)
	if m, p := count("messages"), count("pieces"); m != 1 || p != 3 {
		t.Errorf("%d messages, %d pieces are left of one", m, p)
	}
	_, err = s.Expunge(ctx, other.ID, []store.UID{3})
	must(t, err)
	if n := count("messages") + count("bodies") + count("pieces"); n != 0 {
		t.Errorf("%d rows are left of nothing", n)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := opened(t, dir)
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second process hears %v", err)
	}
	must(t, s.engine.writer.script("PRAGMA user_version = 99"))
	must(t, s.Close())
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "a newer mailrig has written it") {
		t.Errorf("a newer file: %v", err)
	}
	file := filepath.Join(dir, fileName)
	must(t, os.WriteFile(file, bytes.Repeat([]byte("no database"), 1000), 0o600))
	if _, err := Open(dir, Options{}); err == nil {
		t.Error("a file that is no database is opened")
	}
	must(t, os.WriteFile(filepath.Join(dir, "x"), nil, 0o600))
	if _, err := Open(filepath.Join(dir, "x"), Options{}); err == nil {
		t.Error("a file is opened as a directory")
	}
}

func TestKeep(t *testing.T) {
	t.Parallel()
	now, ctx := time.Unix(1_800_000_000, 0), t.Context()
	s, err := Open(t.TempDir(), Options{Now: func() time.Time { return now }})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	old := text("x")
	old.Received = now.Add(-365 * 24 * time.Hour) // when it was written doesn't count
	deliver := func(n int) {
		for range n {
			_, err := s.Deliver(ctx, []string{user}, old)
			must(t, err)
		}
	}
	wantUIDs := func(want ...store.UID) {
		t.Helper()
		snapshot, err := s.Snapshot(ctx, boxOf(t, s, "INBOX").ID)
		must(t, err)
		if !slices.Equal(snapshot.UIDs, want) {
			t.Errorf("%v are left, want %v", snapshot.UIDs, want)
		}
	}
	deliver(3)
	now = now.Add(2 * time.Hour)
	deliver(3)
	s.Tidy(ctx, tables.Keep{For: 3 * time.Hour, Messages: 6})
	wantUIDs(1, 2, 3, 4, 5, 6)
	lease, err := s.LockMaildrop(ctx, user)
	must(t, err)
	s.Tidy(ctx, tables.Keep{Messages: 5})
	wantUIDs(1, 2, 3, 4, 5, 6) // a POP3 session relies on them
	must(t, lease.Release(ctx))
	s.Tidy(ctx, tables.Keep{Messages: 5})
	wantUIDs(2, 3, 4, 5, 6)
	s.Tidy(ctx, tables.Keep{For: time.Hour})
	wantUIDs(4, 5, 6)
	deliver(janitorBatch + 10)
	s.Tidy(ctx, tables.Keep{Messages: 2})
	wantUIDs(janitorBatch+15, janitorBatch+16)
}

// TestCheck damages a database, one row at a time: each must be found.
func TestCheck(t *testing.T) {
	t.Parallel()
	for _, damage := range []string{
		"UPDATE mailboxes SET unseen = unseen + 1 WHERE messages > 0",
		"UPDATE mailboxes SET uid_next = 1 WHERE messages > 0",
		"UPDATE mailboxes SET account = 'nobody'",
		"DELETE FROM messages",
		"UPDATE messages SET refs = 7",
		"DELETE FROM bodies",
		"UPDATE bodies SET refs = 7",
		"UPDATE pieces SET bytes = 'other'",
		"DELETE FROM pieces",
		"DELETE FROM entries",
		"UPDATE counters SET arrival = 0",
		"UPDATE counters SET version = 0",
		"UPDATE records SET data = 'other'",
		"UPDATE records SET sum = NULL",
		"UPDATE records SET kind = NULL",
		"UPDATE records SET free = NULL",
	} {
		s, err := Open(t.TempDir(), Options{})
		must(t, err)
		_, err = s.Deliver(t.Context(), []string{user}, text("x"))
		must(t, err)
		_, err = s.State().Apply(t.Context(), state.Put("job", "x", []byte("data")).At(time.Now()))
		must(t, err)
		if r, err := s.Check(t.Context()); err != nil || len(r.Problems) > 0 || r.Messages != 1 || r.Bytes != 1 || r.Records != 1 {
			t.Errorf("before %s: %+v, %v", damage, r, err)
		}
		must(t, s.engine.writer.script(damage))
		if r, err := s.Check(t.Context()); err != nil || len(r.Problems) == 0 {
			t.Errorf("after %s: %+v, %v", damage, r, err)
		}
		must(t, s.Close())
	}
}

// TestCompact checks that the room of removed mail goes back to the disk, and that nothing else does.
func TestCompact(t *testing.T) {
	t.Parallel()
	dir, ctx := t.TempDir(), t.Context()
	s := opened(t, dir)
	for i := range 20 {
		_, err := s.Deliver(ctx, []string{user}, text(fmt.Sprint(i)+strings.Repeat("x", 100_000)))
		must(t, err)
	}
	_, err := s.Expunge(ctx, boxOf(t, s, "INBOX").ID, []store.UID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	must(t, err)
	before := dump(t, s)
	must(t, s.Compact())
	info, err := os.Stat(filepath.Join(dir, fileName))
	must(t, err)
	if info.Size() > 700_000 {
		t.Errorf("the file has %d bytes with half a megabyte of mail", info.Size())
	}
	if after := dump(t, s); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// BenchmarkDeliver is 16 clients that deliver messages of 1 KiB, each acknowledged when it is on the disk.
func BenchmarkDeliver(b *testing.B) {
	s := opened(b, b.TempDir())
	work := make(chan int)
	done := make(chan struct{})
	for range 16 {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := range work {
				in := text(fmt.Sprintf("Subject: %d\r\n\r\n%s", i, strings.Repeat("x", 1000)))
				if _, err := s.Deliver(b.Context(), []string{fmt.Sprint("u", i%16)}, in); err != nil {
					b.Error(err)
				}
			}
		}()
	}
	b.ResetTimer()
	for i := range b.N {
		work <- i
	}
	close(work)
	for range 16 {
		<-done
	}
}

// TestReadOnly checks that a database that can't be written is a temporary failure, that mail can be read meanwhile, and
// that nothing is half-written.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	var troubles []error
	s, err := Open(t.TempDir(), Options{OnTrouble: func(err error) { troubles = append(troubles, err) }})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	inbox := boxOf(t, s, "INBOX")
	_, err = s.Deliver(ctx, []string{user}, text("one"))
	must(t, err)
	before := dump(t, s)
	must(t, s.engine.writer.script("PRAGMA query_only = 1"))
	for what, change := range map[string]func() error{
		"deliver": func() error { _, err := s.Deliver(ctx, []string{user, "new"}, text("two")); return err },
		"flags": func() error {
			_, err := s.SetFlags(ctx, inbox.ID, []store.UID{1}, store.Add, []string{store.Seen})
			return err
		},
		"expunge": func() error { _, err := s.Expunge(ctx, inbox.ID, []store.UID{1}); return err },
		"create":  func() error { return s.Create(ctx, user, "new", "") },
	} {
		if err := change(); !errors.Is(err, store.ErrReadOnly) || !store.Unavailable(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := s.ClaimRecent(ctx, inbox.ID, 2); err != nil {
		t.Errorf("a mailbox can't be selected: %v", err)
	}
	if after := dump(t, s); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if len(troubles) < 4 {
		t.Errorf("told of %v", troubles)
	}
	must(t, s.engine.writer.script("PRAGMA query_only = 0"))
	got, err := s.Deliver(ctx, []string{user}, text("two"))
	must(t, err)
	if got[0].UID != 2 {
		t.Errorf("UID %d", got[0].UID)
	}
}
