package memory

import (
	"context"
	"errors"
	"testing"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(testing.TB) store.Store { return New(Options{}) })
}

func newBox(t testing.TB, s *Store, name string, messages int) *mailbox {
	t.Helper()
	box, err := s.Mailbox(context.Background(), "u", name)
	if err != nil {
		t.Fatal(err)
	}
	for range messages {
		if _, err := s.Append(context.Background(), box.ID, []store.Incoming{{Content: store.Bytes("Subject: x\r\n\r\nx\r\n")}}); err != nil {
			t.Fatal(err)
		}
	}
	return s.boxes[box.ID]
}

func TestTooBig(t *testing.T) {
	t.Parallel()
	s := New(Options{MaxMessageBytes: 10})
	watch, err := s.WatchArrivals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	for content, want := range map[string]error{"0123456789": nil, "0123456789+": store.ErrTooBig} {
		if _, err := s.Deliver(t.Context(), []string{"new"}, store.Incoming{Content: store.Bytes(content)}); !errors.Is(err, want) {
			t.Errorf("%q: %v", content, err)
		}
	}
	<-watch.Changed()
	if _, err := s.Deliver(t.Context(), []string{"new"}, store.Incoming{Content: store.Bytes("0123456789+")}); err == nil || len(watch.Changed()) > 0 {
		t.Errorf("%v, or a token without a delivery", err)
	}
}

func TestDomain(t *testing.T) {
	t.Parallel()
	if got := New(Options{Domain: "Mail.Example.TEST"}).Address("joe"); got != "joe@mail.example.test" {
		t.Error(got)
	}
}

// TestMoveHalfWay checks that a Move doesn't take what another unfinished Move has already taken.
func TestMoveHalfWay(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	b, dest := newBox(t, s, "INBOX", 10), newBox(t, s, "Archive", 0)
	move := func(uids ...store.UID) []store.UID {
		src, _, err := s.Move(t.Context(), b.id, uids, dest.id)
		if err != nil {
			t.Fatal(err)
		}
		return src
	}
	_, claimed, release := b.claim([]store.UID{1, 2, 3}, false) // a Move stops halfway
	if src := move(1, 2, 3, 4, 5); len(claimed) != 3 || len(src) != 2 || src[0] != 4 {
		t.Errorf("Move took %v", src)
	}
	release(false) // and fails
	if src := move(1); len(src) != 1 || len(b.moving) != 0 {
		t.Errorf("Move after a failed one took %v; moving %v", src, b.moving)
	}
}

func TestRemovalsAreBounded(t *testing.T) {
	t.Parallel()
	var r removals
	for i := range uint64(10 * keptRemovals) {
		r.add([]store.UID{store.UID(i)}, i+1)
	}
	if n := len(r.log); n < keptRemovals || n > 2*keptRemovals {
		t.Errorf("%d kept", n)
	}
	last := r.last()
	if uids, ok := r.since(last - keptRemovals); !ok || len(uids) != keptRemovals {
		t.Errorf("%d since, complete %v", len(uids), ok)
	}
	if _, ok := r.since(1); ok {
		t.Error("what is forgotten counts as complete")
	}
	r.add(make([]store.UID, keptRemovals+1), last+1)
	if _, ok := r.since(last); ok || len(r.log) != 0 || r.last() != last+1 {
		t.Errorf("a change too large to keep: %d in the log, complete %v", len(r.log), ok)
	}
}
