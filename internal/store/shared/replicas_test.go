package shared

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/postgres"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/tables"
	"github.com/mailrig/mailrig/internal/testkit/pgserver"
)

const patience = 30 * time.Second

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func inbox(t testing.TB, s store.Store, name string) store.Mailbox {
	t.Helper()
	box, err := s.Mailbox(t.Context(), name, "INBOX")
	must(t, err)
	return box
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// TestAnyName checks that a user's name may have bytes that PostgreSQL's texts can't.
func TestAnyName(t *testing.T) {
	t.Parallel()
	s, ctx := opened(t, server.Database(t), Options{}), t.Context()
	names := []string{"a\x00b@example.test", "\xff@example.test", "\x01@example.test", "ü@example.test", "\x01fe@example.test", "z'\"\\@example.test"}
	for i, name := range names {
		address, err := s.OpenAccount(ctx, name)
		must(t, err)
		names[i] = address
		_, err = s.Deliver(ctx, []string{name}, text(name))
		must(t, err)
		lease, err := s.LockMaildrop(ctx, name)
		must(t, err)
		must(t, lease.Release(ctx))
	}
	slices.Sort(names)
	got, err := s.ListAccounts(ctx)
	must(t, err)
	slices.Sort(got) // those with an escape are elsewhere in the database's order
	if !slices.Equal(got, names) {
		t.Errorf("accounts %q, want %q", got, names)
	}
	list, err := s.Latest(ctx, names[1], 0, 0, 10)
	must(t, err)
	if len(list) != 1 || list[0].Mailbox.Account != names[1] {
		t.Errorf("latest of %q: %+v", names[1], list)
	}
	if _, err := s.Mailbox(ctx, user, "no\x00such"); !errors.Is(err, store.ErrNoMailbox) {
		t.Errorf("a mailbox that can't be: %v", err)
	}
}

// TestOnce checks that equal messages share their bytes, which are in pieces, and that the bytes go with the last of them.
func TestOnce(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	a, b, ctx := opened(t, url, Options{}), opened(t, url, Options{}), t.Context()
	body := make([]byte, 200_000)
	for i := range body {
		body[i] = byte(rand.Uint32())
	}
	for _, s := range []*Store{a, b} {
		_, err := s.Deliver(ctx, []string{user, "other"}, store.Incoming{Content: store.Bytes(body)})
		must(t, err)
	}
	count := func(table string) (n int) {
		t.Helper()
		must(t, a.engine.Ask(ctx, func(c tables.Conn) error {
			_, err := c.Get("SELECT count(*) FROM "+table, nil, &n)
			return err
		}))
		return n
	}
	if m, b, p := count("messages"), count("bodies"), count("pieces"); m != 2 || b != 1 || p != 4 {
		t.Errorf("%d messages have %d bodies in %d pieces", m, b, p)
	}
	list, err := b.Entries(ctx, inbox(t, b, "other").ID, nil)
	must(t, err)
	raw, err := store.ReadAll(ctx, list[1].Message)
	must(t, err)
	digest, err := list[1].Message.Digest(ctx)
	must(t, err)
	if !bytes.Equal(raw, body) || digest != sha256.Sum256(body) {
		t.Error("the message isn't what was stored")
	}
	r, err := list[0].Message.Open(ctx)
	must(t, err)
	middle := make([]byte, 100)
	if _, err := r.ReadAt(middle, 131_000); err != nil || !bytes.Equal(middle, body[131_000:131_100]) {
		t.Errorf("read in the middle: %v", err)
	}
	_, err = a.Expunge(ctx, inbox(t, a, user).ID, []store.UID{1, 2})
	must(t, err)
	_, err = b.Expunge(ctx, inbox(t, b, "other").ID, []store.UID{1})
	must(t, err)
	if m, p := count("messages"), count("pieces"); m != 1 || p != 4 {
		t.Errorf("%d messages, %d pieces are left of one", m, p)
	}
	_, err = a.Expunge(ctx, inbox(t, a, "other").ID, []store.UID{2})
	must(t, err)
	if n := count("messages") + count("bodies") + count("pieces"); n != 0 {
		t.Errorf("%d rows are left of nothing", n)
	}
	if _, err := store.ReadAll(ctx, list[1].Message); !errors.Is(err, store.ErrGone) {
		t.Errorf("a message that is gone: %v", err)
	}
}

// slow is a large message that arrives slowly when it is read the second time: the first time, its digest is computed.
type slow struct {
	store.Bytes
	opened  *atomic.Int32
	reached chan struct{} // closed when half of it was read
	goOn    chan struct{}
}

func (b slow) Open(ctx context.Context) (store.Reader, error) {
	r, err := b.Bytes.Open(ctx)
	if b.opened.Add(1) == 2 {
		return &slowReader{Reader: r, of: b}, err
	}
	return r, err
}

// blob hides that it is in memory.
type blob struct{ slow slow }

func (b blob) Size() int64                                    { return b.slow.Size() }
func (b blob) Open(ctx context.Context) (store.Reader, error) { return b.slow.Open(ctx) }

type slowReader struct {
	store.Reader
	of   slow
	read int
}

func (r *slowReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if r.read += n; r.read > len(r.of.Bytes)/2 && r.of.reached != nil {
		close(r.of.reached)
		r.of.reached = nil
		<-r.of.goOn
	}
	return n, err
}

// TestLarge checks that nobody else waits while a large message is written, that it is read back in pieces, and that nothing
// of one that comes to nothing stays.
func TestLarge(t *testing.T) {
	t.Parallel()
	url, ctx := server.Database(t), t.Context()
	a, b := opened(t, url, Options{}), opened(t, url, Options{})
	body := bytes.Repeat([]byte("0123456789abcdef"), 60_000)
	inbox(t, a, user)
	large := blob{slow{Bytes: body, opened: new(atomic.Int32), reached: make(chan struct{}), goOn: make(chan struct{})}}
	done := make(chan error)
	go func() {
		_, err := a.Deliver(ctx, []string{user}, store.Incoming{Content: large})
		done <- err
	}()
	<-large.slow.reached
	for range 3 { // while it is being written
		_, err := b.Deliver(ctx, []string{user}, text("small"))
		must(t, err)
	}
	close(large.slow.goOn)
	must(t, <-done)
	list, err := b.Entries(ctx, inbox(t, b, user).ID, []store.UID{4})
	must(t, err)
	raw, err := store.ReadAll(ctx, list[0].Message)
	if err != nil || !bytes.Equal(raw, body) {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
	must(t, a.Create(ctx, user, "gone", ""))
	gone, err := a.Mailbox(ctx, user, "gone")
	must(t, err)
	again := blob{slow{Bytes: append(body, 'x'), opened: new(atomic.Int32), reached: make(chan struct{}), goOn: make(chan struct{})}}
	go func() {
		_, err := a.Append(ctx, gone.ID, []store.Incoming{{Content: again}})
		done <- err
	}()
	<-again.slow.reached
	must(t, b.Delete(ctx, user, "gone"))
	close(again.slow.goOn)
	if err := <-done; !errors.Is(err, store.ErrNoMailbox) {
		t.Errorf("append to a mailbox that is gone: %v", err)
	}
	_, err = b.Expunge(ctx, inbox(t, b, user).ID, []store.UID{1, 2, 3, 4})
	must(t, err)
	must(t, a.engine.Ask(ctx, func(c tables.Conn) error {
		var n int
		_, err := c.Get("SELECT (SELECT count(*) FROM pieces) + (SELECT count(*) FROM bodies)", nil, &n)
		if n > 0 {
			t.Errorf("%d rows are left of nothing", n)
		}
		return err
	}))
}

// TestKeep checks that what isn't kept is removed, whoever brought it, and that a maildrop that is locked elsewhere is spared.
func TestKeep(t *testing.T) {
	t.Parallel()
	now, ctx, url := time.Unix(1_800_000_000, 0), t.Context(), server.Database(t)
	o := Options{Now: func() time.Time { return now }}
	a, b := opened(t, url, o), opened(t, url, o)
	deliver := func(n int) {
		for range n {
			_, err := a.Deliver(ctx, []string{user}, text("x"))
			must(t, err)
		}
	}
	wantUIDs := func(want ...store.UID) {
		t.Helper()
		snapshot, err := a.Snapshot(ctx, inbox(t, a, user).ID)
		must(t, err)
		if !slices.Equal(snapshot.UIDs, want) {
			t.Errorf("%v are left, want %v", snapshot.UIDs, want)
		}
	}
	deliver(3)
	now = now.Add(2 * time.Hour)
	deliver(3)
	b.Tidy(ctx, tables.Keep{For: 3 * time.Hour, Messages: 6})
	wantUIDs(1, 2, 3, 4, 5, 6)
	lease, err := a.LockMaildrop(ctx, user)
	must(t, err)
	b.Tidy(ctx, tables.Keep{Messages: 5})
	wantUIDs(1, 2, 3, 4, 5, 6)
	must(t, lease.Release(ctx))
	b.Tidy(ctx, tables.Keep{Messages: 5})
	wantUIDs(2, 3, 4, 5, 6)
	b.Tidy(ctx, tables.Keep{For: time.Hour})
	wantUIDs(4, 5, 6)
}

// TestLeaseOfTheDead checks that a maildrop which a replica has locked is free when the replica has died.
func TestLeaseOfTheDead(t *testing.T) {
	t.Parallel()
	url, ctx := server.Database(t), t.Context()
	a, b := opened(t, url, Options{}), opened(t, url, Options{})
	lease, err := a.LockMaildrop(ctx, user)
	must(t, err)
	if _, err := b.LockMaildrop(ctx, user); !errors.Is(err, store.ErrInUse) {
		t.Errorf("locked elsewhere: %v", err)
	}
	must(t, lease.Renew(ctx))
	// What a dead replica leaves behind: nobody sends its heartbeats.
	_, err = b.exec(ctx, "UPDATE mailrig.leases SET replica = 'dead'")
	must(t, err)
	_, err = b.exec(ctx, "INSERT INTO mailrig.replicas VALUES ('dead', 'dead', now(), now() - $1 * interval '1 second')", (postgres.DeadAfter - 2*time.Second).Seconds())
	must(t, err)
	if _, err := b.LockMaildrop(ctx, user); !errors.Is(err, store.ErrInUse) {
		t.Errorf("locked by one that may still live: %v", err)
	}
	var other store.Lease
	eventually(t, "free", func() bool { other, err = b.LockMaildrop(ctx, user); return err == nil })
	if err := lease.Renew(ctx); !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("the dead one's: %v", err)
	}
	must(t, lease.Release(ctx)) // must not release the other session's lock
	if _, err := a.LockMaildrop(ctx, user); !errors.Is(err, store.ErrInUse) {
		t.Errorf("locked by the other: %v", err)
	}
	must(t, other.Release(ctx))
}

// TestOutage lets clients of two stores deliver and change flags while the database is ended and started again, five times:
// what was acknowledged is there exactly once, what was refused at most once, and numbers ascend.
func TestOutage(t *testing.T) {
	t.Parallel()
	own := pgserver.Server{Settings: []string{"fsync = on", "full_page_writes = on"}}
	t.Cleanup(own.Stop)
	url, ctx := own.Database(t), t.Context()
	stores := []*Store{opened(t, url, Options{}), opened(t, url, Options{})}
	box := inbox(t, stores[0], user)
	watch, err := stores[1].Watch(ctx, box.ID)
	must(t, err)
	defer watch.Close()

	var group sync.WaitGroup
	stop := make(chan struct{})
	stored := make([]map[string]store.UID, 6) // by what was stored; 0 if that isn't known
	for c := range stored {
		stored[c] = map[string]store.UID{}
		group.Go(func() {
			s, last := stores[c%len(stores)], store.UID(0)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				name := fmt.Sprintf("client %d message %d", c, i)
				out, err := s.Deliver(ctx, []string{user}, text(name))
				stored[c][name] = 0
				if err != nil {
					if !store.Unavailable(err) {
						t.Errorf("deliver: %v", err)
					}
					continue
				}
				uid := out[0].UID
				if uid <= last {
					t.Errorf("UID %d after %d", uid, last)
				}
				stored[c][name], last = uid, uid
				if u, err := s.SetFlags(ctx, box.ID, []store.UID{uid}, store.Add, []string{store.Flagged}); err == nil && len(u.Entries) != 1 {
					t.Errorf("UID %d isn't there right after it was stored: %+v", uid, u)
				}
			}
		})
	}
	for range 5 {
		before := watch.ModSeq()
		eventually(t, "deliveries", func() bool { return watch.ModSeq() > before+50 })
		own.Crash(t)
		time.Sleep(50 * time.Millisecond) // some clients meet it
		own.Start(t)
	}
	close(stop)
	group.Wait()

	entries, err := stores[0].Entries(ctx, box.ID, nil)
	must(t, err)
	there := map[string]store.UID{}
	for _, e := range entries {
		r, err := e.Message.Open(ctx)
		must(t, err)
		raw, err := io.ReadAll(r)
		must(t, err)
		if there[string(raw)] != 0 {
			t.Errorf("%q is there twice", raw)
		}
		there[string(raw)] = e.UID
	}
	acknowledged := 0
	for _, list := range stored {
		for name, uid := range list {
			if uid != 0 {
				acknowledged++
				if there[name] != uid {
					t.Errorf("%q was acknowledged with UID %d, and has %d", name, uid, there[name])
				}
			}
			delete(there, name)
		}
	}
	if len(there) > 0 {
		t.Errorf("nobody has stored %v", there)
	}
	st, err := stores[0].Status(ctx, box.ID)
	must(t, err)
	eventually(t, "the watch hears of the last change", func() bool { return watch.ModSeq() == st.HighestModSeq })
	t.Logf("%d messages were acknowledged, and %d are there", acknowledged, len(entries))
}

// TestReadOnly checks that a database which takes no changes is a temporary failure, and that mail can be read meanwhile.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	url, ctx := server.Database(t), t.Context()
	var mu sync.Mutex
	var troubles []error
	s := opened(t, url, Options{OnTrouble: func(err error) { mu.Lock(); defer mu.Unlock(); troubles = append(troubles, err) }})
	box := inbox(t, s, user)
	_, err := s.Deliver(ctx, []string{user}, text("one"))
	must(t, err)
	name := url[strings.LastIndex(url, "/")+1:]
	server.Exec(t, "ALTER DATABASE "+name+" SET default_transaction_read_only = on")
	s.db.Pool().Reset()
	for what, change := range map[string]func() error{
		"deliver": func() error { _, err := s.Deliver(ctx, []string{user, "new"}, text("two")); return err },
		"flags": func() error {
			_, err := s.SetFlags(ctx, box.ID, []store.UID{1}, store.Add, []string{store.Seen})
			return err
		},
		"create": func() error { return s.Create(ctx, user, "new", "") },
	} {
		if err := change(); !errors.Is(err, store.ErrReadOnly) || !store.Unavailable(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := s.ClaimRecent(ctx, box.ID, 2); err != nil {
		t.Errorf("a mailbox can't be selected: %v", err)
	}
	if entries, err := s.Entries(ctx, box.ID, nil); err != nil || len(entries) != 1 {
		t.Errorf("read: %v, %v", entries, err)
	}
	mu.Lock()
	if len(troubles) < 3 {
		t.Errorf("told of %v", troubles)
	}
	mu.Unlock()
	server.Exec(t, "ALTER DATABASE "+name+" SET default_transaction_read_only = off")
	s.db.Pool().Reset()
	got, err := s.Deliver(ctx, []string{user}, text("two"))
	must(t, err)
	if got[0].UID != 2 {
		t.Errorf("UID %d", got[0].UID)
	}
}

// TestStuckWriter checks that a server which stops in the middle of a transaction doesn't keep the others from writing for
// long.
func TestStuckWriter(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	s := opened(t, url, Options{})
	inbox(t, s, user)
	ctx, cancel := context.WithCancel(t.Context())
	held := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		_ = s.engine.Write(func(c tables.Conn) error {
			if _, err := c.Get("SELECT arrival FROM counters FOR UPDATE", nil, new(int64)); err != nil {
				t.Error(err)
			}
			close(held)
			<-ctx.Done() // a machine that is gone says nothing
			return errors.New("gone")
		})
	})
	<-held
	other := opened(t, url, Options{})
	began := time.Now()
	eventually(t, "a delivery", func() bool { _, err := other.Deliver(t.Context(), []string{user}, text("x")); return err == nil })
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("others waited %v", took)
	}
	cancel()
	group.Wait()
}
