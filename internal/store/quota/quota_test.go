package quota

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/memory"
	"github.com/mailrig/mailrig/internal/store/storetest"
)

// TestUnbounded checks that a store whose accounts have no bound, or one that is never reached, is what it was.
func TestUnbounded(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(testing.TB) store.Store { return New(memory.New(memory.Options{}), Limits{Each: 1 << 40}) })
}

const alice, bob = "alice@example.test", "bob@example.test"

func newStore(l Limits) *Store { return New(memory.New(memory.Options{Domain: "example.test"}), l) }

func message(size int) store.Incoming {
	return store.Incoming{Content: store.Bytes(bytes.Repeat([]byte("x"), size))}
}

// wantUsage checks what an account holds.
func wantUsage(t *testing.T, s *Store, account string, used, limit int64) {
	t.Helper()
	gotUsed, gotLimit, err := s.Usage(t.Context(), account)
	if err != nil || gotUsed != used || gotLimit != limit {
		t.Errorf("%s holds %d of %d (%v), not %d of %d", account, gotUsed, gotLimit, err, used, limit)
	}
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	s := newStore(Limits{Each: 100, Of: map[string]int64{bob: 0}})
	deliver := func(size int, want error, to ...string) {
		t.Helper()
		if _, err := s.Deliver(t.Context(), to, message(size)); !errors.Is(err, want) {
			t.Errorf("%d bytes to %v: %v, not %v", size, to, err, want)
		}
	}
	wantUsage(t, s, alice, 0, 100)
	if there, err := s.HasAccount(t.Context(), alice); err != nil || there {
		t.Error("a look at an account has made it")
	}
	deliver(101, store.ErrOverQuota, alice)
	deliver(60, nil, alice, "ALICE", bob) // alice is one account
	deliver(60, store.ErrOverQuota, bob, "alice")
	wantUsage(t, s, bob, 60, 0)
	deliver(1000, nil, bob)
	deliver(40, nil, alice)
	wantUsage(t, s, alice, 100, 100)
	for account, want := range map[string]bool{alice: true, bob: false, "new@example.test": false} {
		if full, err := s.Full(t.Context(), account); err != nil || full != want {
			t.Errorf("%s is full: %t, %v", account, full, err)
		}
	}
}

// TestAllMailboxesCount moves and copies between an account's mailboxes.
func TestAllMailboxesCount(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := newStore(Limits{Each: 100})
	inbox, err := s.Mailbox(ctx, alice, store.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	trash, err := s.Mailbox(ctx, alice, "Trash")
	if err != nil {
		t.Fatal(err)
	}
	uids, err := s.Append(ctx, inbox.ID, []store.Incoming{message(30)})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Copy(ctx, inbox.ID, uids, trash.ID); err != nil {
		t.Fatal(err)
	}
	wantUsage(t, s, alice, 60, 100)
	if _, _, err := s.Move(ctx, inbox.ID, uids, trash.ID); err != nil {
		t.Fatal(err)
	}
	wantUsage(t, s, alice, 60, 100)
	if err := s.Delete(ctx, alice, "Trash"); err != nil {
		t.Fatal(err)
	}
	wantUsage(t, s, alice, 0, 100)
}

// TestTogether lets many clients store at once: just as many succeed as have room.
func TestTogether(t *testing.T) {
	t.Parallel()
	s := newStore(Limits{Each: 100})
	var stored atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			// One that is refused may have met another's reservation for a message that counts twice for a moment.
			for range 10 {
				if _, err := s.Deliver(context.Background(), []string{alice}, message(10)); err == nil {
					stored.Add(1)
				} else if !errors.Is(err, store.ErrOverQuota) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := stored.Load(); n > 10 {
		t.Errorf("%d messages of 10 bytes have room in 100", n)
	}
	wantUsage(t, s, alice, 10*stored.Load(), 100)
	for stored.Load() < 10 {
		if _, err := s.Deliver(t.Context(), []string{alice}, message(10)); err != nil {
			t.Fatalf("with %d bytes in 100: %v: a reservation was kept", 10*stored.Load(), err)
		}
		stored.Add(1)
	}
	if len(s.pending) > 0 {
		t.Errorf("reservations are kept: %v", s.pending)
	}
}

// TestReservedUntilStored checks that room is taken from the reservation on, and given back once.
func TestReservedUntilStored(t *testing.T) {
	t.Parallel()
	s := newStore(Limits{Each: 100})
	release, err := s.Reserve(t.Context(), alice, 60)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reserve(t.Context(), alice, 60); !errors.Is(err, store.ErrOverQuota) {
		t.Errorf("60 bytes beside 60 in 100: %v", err)
	}
	release()
	release()
	if _, err := s.Reserve(t.Context(), alice, 101); !errors.Is(err, store.ErrOverQuota) {
		t.Errorf("101 bytes in 100: %v", err)
	}
	if again, err := s.Reserve(t.Context(), alice, 100); err != nil {
		t.Error(err)
	} else {
		again()
	}
	if len(s.pending) > 0 {
		t.Errorf("reservations are kept: %v", s.pending)
	}
}

// TestStoreFails checks that a store that can't be asked is no full account.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	inner := memory.New(memory.Options{Domain: "example.test"})
	failing := ""
	s := New(storetest.Wrap(inner, func(_ context.Context, call string, do func() error) error {
		if call == failing {
			return store.ErrUnavailable
		}
		return do()
	}), Limits{Each: 100})
	if _, err := s.Deliver(t.Context(), []string{alice}, message(10)); err != nil {
		t.Fatal(err)
	}
	for _, failing = range []string{"HasAccount", "List", "Mailbox", "Status"} {
		if _, err := s.Deliver(t.Context(), []string{alice}, message(10)); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s fails: %v", failing, err)
		}
		if full, err := s.Full(t.Context(), alice); err == nil || full {
			t.Errorf("%s fails: full %t, %v", failing, full, err)
		}
	}
	if len(s.pending) > 0 {
		t.Errorf("reservations are kept: %v", s.pending)
	}
}
