package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing/iotest"
	"time"

	"github.com/mailrig/mailrig/internal/store"
)

func deliver(e *env) {
	watch, err := e.WatchArrivals(e.ctx)
	e.must(err)
	in := text("hello\r\n")
	in.Envelope = store.Envelope{From: "a@b", Recipients: []string{"new", "u"}, Session: "7", User: "tim"}
	in.Gap = 9
	got, err := e.Deliver(e.ctx, []string{"new", user, "NEW@example.test", "new@EXAMPLE.test", "u"}, in)
	e.must(err)
	var lines []string
	for _, d := range got {
		lines = append(lines, fmt.Sprint(d.Account, d.UID))
	}
	e.wantLines("delivered", lines, "new@example.test1", user+"1", "NEW@example.test1")
	e.awaitToken("after a delivery", watch.Changed())
	for _, d := range got {
		box, err := e.Mailbox(e.ctx, d.Account, "INBOX")
		e.must(err)
		list := e.entries(box)
		if len(list) != 1 || box.ID != d.Mailbox || !list[0].Date.Equal(in.Received) || list[0].Flags != nil || list[0].Message.ID() != d.Message.ID() {
			e.Errorf("%s: %+v", d.Account, list)
		}
		origin, err := d.Message.Origin(e.ctx)
		if err != nil || !reflect.DeepEqual(origin.Envelope, in.Envelope) || !origin.Received.Equal(in.Received) {
			e.Errorf("origin %+v, %v", origin, err)
		}
	}

	// If the message can't be read to its end, nobody gets it.
	watch.Close()
	watch.Close()
	in.Content = broken(100)
	if _, err := e.Deliver(e.ctx, []string{"new", "third"}, in); !errors.Is(err, errBroken) {
		e.Errorf("a message that breaks off: %v", err)
	}
	box, err := e.Mailbox(e.ctx, "new", "INBOX")
	e.must(err)
	if n := e.status(box).Messages; n != 1 {
		e.Errorf("%d messages after a delivery that failed", n)
	}
	_, err = e.Append(e.ctx, box.ID, []store.Incoming{text("x"), in})
	e.wantErr("a message that breaks off", err, errBroken)
	if st := e.status(box); st.Messages != 1 {
		e.Errorf("half an Append: %+v", st)
	}
	select {
	case <-watch.Changed():
		e.Error("a token after Close")
	default:
	}
}

// broken is a blob of this size that can be read only half.
type broken int64

var errBroken = errors.New("broken")

func (b broken) Size() int64 { return int64(b) }

func (b broken) Open(context.Context) (store.Reader, error) {
	half := strings.NewReader(strings.Repeat("x", int(b/2)))
	return struct {
		io.Reader
		io.ReaderAt
		io.Closer
	}{io.MultiReader(half, iotest.ErrReader(errBroken)), half, io.NopCloser(half)}, nil
}

func appending(e *env) {
	box := e.inbox(0)
	date := time.Date(2001, 2, 3, 4, 5, 6, 0, time.FixedZone("", 3600))
	a, b, c := text("a"), text("bb"), text("ccc")
	a.Flags, a.Date = []string{"Work", `\seen`}, date
	b.Gap = 4
	c.Received = time.Time{}
	uids, err := e.Append(e.ctx, box.ID, []store.Incoming{a, b, c})
	e.must(err)
	e.wantUIDs("UIDs", uids, 1, 6, 7)
	list := e.entries(box)
	e.wantLines("entries", flagsOf(list), `1 [Work \Seen]`, "6 []", "7 []")
	if !list[0].Date.Equal(date) || list[0].Date.Format(time.RFC3339) != date.Format(time.RFC3339) || !list[1].Date.Equal(b.Received) {
		e.Errorf("dates %v, %v", list[0].Date, list[1].Date)
	}
	if ago := time.Since(list[2].Date); ago < -time.Hour || ago > 24*time.Hour*366*50 || list[2].Date.IsZero() {
		e.Errorf("a message without a time is of %v", list[2].Date)
	}
	st := e.status(box)
	if st.Messages != 3 || st.Unseen != 2 || st.Size != 6 || st.UIDNext != 8 || st.Recent != 3 || st.UIDValidity != box.UIDValidity {
		e.Errorf("status %+v", st)
	}
	if none, err := e.Append(e.ctx, box.ID, nil); len(none) != 0 || err != nil {
		e.Errorf("Append of nothing: %v, %v", none, err)
	}
	// A message that is already in the store keeps its identity.
	other := e.mailbox("Archive")
	_, err = e.Append(e.ctx, other.ID, []store.Incoming{{Content: list[1].Message}})
	e.must(err)
	if again := e.entries(other)[0]; again.Message.ID() != list[1].Message.ID() || !again.Date.Equal(b.Received) {
		e.Errorf("again: %+v, was %+v", again, list[1])
	}
	if list[0].Message.ID() == list[1].Message.ID() || list[0].Message.ID() == "" {
		e.Error("two messages with one id")
	}
}

// blobs checks that the bytes come back unchanged, all at once, in order, and at any offset.
func blobs(e *env) {
	box := e.inbox(0)
	large := bytes.Repeat([]byte("0123456789\x00\xff bare\n.\r\n"), 40_000)
	for _, raw := range [][]byte{nil, []byte("\r"), large} {
		uids, err := e.Append(e.ctx, box.ID, []store.Incoming{{Content: readOnly{raw}}})
		e.must(err)
		list, err := e.Entries(e.ctx, box.ID, uids)
		e.must(err)
		m := list[0].Message
		if m.Size() != int64(len(raw)) {
			e.Errorf("size %d of %d", m.Size(), len(raw))
		}
		whole, err := store.ReadAll(e.ctx, m)
		e.must(err)
		if !bytes.Equal(whole, raw) {
			e.Errorf("ReadAll: %d other bytes", len(whole))
		}
		r, err := m.Open(e.ctx)
		e.must(err)
		if err := iotest.TestReader(struct{ io.Reader }{r}, raw); err != nil {
			e.Error(err)
		}
		if n := len(raw) / 3; n > 0 {
			piece := make([]byte, n)
			if _, err := r.ReadAt(piece, int64(n)); err != nil || !bytes.Equal(piece, raw[n:2*n]) {
				e.Errorf("ReadAt: %v, or other bytes", err)
			}
		}
		e.must(r.Close())
		if sum, err := m.Digest(e.ctx); err != nil || sum != sha256.Sum256(raw) {
			e.Errorf("digest %x, %v", sum, err)
		}
	}
	// A removed message stays readable for whoever holds it, or says that it is gone.
	held := e.entries(box)[2].Message
	_, err := e.Expunge(e.ctx, box.ID, []store.UID{3})
	e.must(err)
	if whole, err := store.ReadAll(e.ctx, held); !errors.Is(err, store.ErrGone) && (err != nil || !bytes.Equal(whole, large)) {
		e.Errorf("after EXPUNGE: %d bytes, %v", len(whole), err)
	}
}

// readOnly is a blob that doesn't offer its bytes as a whole.
type readOnly struct{ raw []byte }

func (r readOnly) Size() int64 { return int64(len(r.raw)) }

func (r readOnly) Open(ctx context.Context) (store.Reader, error) {
	return store.Bytes(r.raw).Open(ctx)
}

// valuesStay checks that the store never changes what a caller has received, and that a caller who changes what it owns
// doesn't change the store.
func valuesStay(e *env) {
	box := e.inbox(3)
	s, err := e.Snapshot(e.ctx, box.ID)
	e.must(err)
	list := e.entries(box)
	e.set(box, store.Replace, []string{store.Deleted}, 1, 2, 3)
	e.add(box)
	_, err = e.ExpungeDeleted(e.ctx, box.ID, nil)
	e.must(err)
	e.wantUIDs("snapshot", s.UIDs, 1, 2, 3)
	e.wantLines("entries", flagsOf(list), "1 []", "2 []", "3 []")
	flags := []string{"b", "a"}
	u := e.set(box, store.Add, flags, 4)
	flags[0] = "z"
	clear(s.UIDs)
	e.wantLines("now", flagsOf(e.entries(box)), "4 [a b]")
	u.Entries[0].Flags = nil
	e.wantLines("now", flagsOf(e.entries(box)), "4 [a b]")
}

func flags(e *env) {
	box := e.inbox(2)
	for _, step := range []struct {
		op   store.Op
		list []string
		want string
	}{
		{store.Add, []string{`\seen`, `\RECENT`, `\Nonsense`, "Work", "work", "", "a b", "ü"}, `[Work \Seen]`},
		{store.Add, []string{"WORK", store.Flagged}, `[Work \Flagged \Seen]`},
		{store.Remove, []string{"wOrK", "unknown", `\SEEN`}, `[\Flagged]`},
		{store.Replace, []string{store.Draft, "other"}, `[\Draft other]`},
		{store.Replace, nil, `[]`},
	} {
		u := e.set(box, step.op, step.list, 1)
		if len(u.Entries) != 1 || u.Entries[0].UID != 1 || fmt.Sprint(u.Entries[0].Flags) != step.want {
			e.Errorf("%v %v: %+v, want %s", step.op, step.list, u, step.want)
		}
		if u.ModSeq != u.Before+1 || u.Entries[0].ModSeq != u.ModSeq || u.ModSeq != e.status(box).HighestModSeq {
			e.Errorf("mod-sequences of %+v", u)
		}
	}
	e.wantLines("keywords", e.status(box).Keywords, "Work", "other")
	if u := e.set(box, store.Add, []string{"third"}, 99); len(u.Entries) != 0 || u.Learned || u.ModSeq != u.Before {
		e.Errorf("a flag for no message: %+v", u)
	}
	if u := e.set(box, store.Remove, []string{store.Seen}, 1, 2); u.ModSeq != u.Before || u.Entries[0].ModSeq != u.Entries[0].Was || len(u.Entries) != 2 {
		e.Errorf("a STORE that changes nothing counts as a change: %+v", u)
	}
	if u := e.set(box, store.Add, []string{store.Seen}, 99, 2, 2, 1); len(u.Entries) != 2 || u.Entries[0].UID != 1 || u.Learned {
		e.Errorf("%+v", u)
	}
	if st := e.status(box); st.Unseen != 0 || len(st.Keywords) != 2 {
		e.Errorf("status %+v", st)
	}
}

// keywords checks that a mailbox has at most MaxKeywords, whichever way they come, and that what is refused changes nothing.
func keywords(e *env) {
	box, other := e.inbox(2), e.mailbox("Archive")
	many := make([]string, store.MaxKeywords)
	for i := range many {
		many[i] = fmt.Sprint("k", i)
	}
	repeated := append(append(slices.Clone(many[1:]), many[1:]...), "K1", store.Seen)
	e.set(box, store.Add, repeated, 1)
	e.set(box, store.Add, many[:1], 1)
	before := e.status(box)
	if len(before.Keywords) != store.MaxKeywords {
		e.Fatalf("%d keywords", len(before.Keywords))
	}
	one := text("x")
	one.Flags = []string{"more"}
	tooMany := append(slices.Clone(many), "more")
	tooLong := []string{strings.Repeat("k", store.MaxKeywordBytes+1)}
	for what, try := range map[string]func() error{
		"one more": func() error {
			_, err := e.SetFlags(e.ctx, box.ID, []store.UID{1, 2}, store.Add, []string{store.Flagged, "more"})
			return err
		},
		"others instead": func() error {
			_, err := e.SetFlags(e.ctx, box.ID, []store.UID{2}, store.Replace, []string{"more"})
			return err
		},
		"too many at once":   func() error { _, err := e.SetFlags(e.ctx, other.ID, []store.UID{1}, store.Add, tooMany); return err },
		"too long a keyword": func() error { _, err := e.SetFlags(e.ctx, other.ID, []store.UID{1}, store.Add, tooLong); return err },
		"by APPEND":          func() error { _, err := e.Append(e.ctx, box.ID, []store.Incoming{text("y"), one}); return err },
		"by COPY": func() error {
			uids, err := e.Append(e.ctx, other.ID, []store.Incoming{one})
			e.must(err)
			_, _, err = e.Copy(e.ctx, other.ID, uids, box.ID)
			return err
		},
		"by MOVE": func() error {
			uids, err := e.Append(e.ctx, other.ID, []store.Incoming{one})
			e.must(err)
			_, _, err = e.Move(e.ctx, other.ID, uids, box.ID)
			return err
		},
	} {
		if err := try(); !errors.Is(err, store.ErrKeywords) {
			e.Errorf("%s: %v", what, err)
		}
	}
	if after := e.status(box); after.HighestModSeq != before.HighestModSeq || after.Messages != 2 || len(after.Keywords) != store.MaxKeywords {
		e.Errorf("what is refused changes something: %+v", after)
	}
	if st := e.status(other); st.Messages != 2 {
		e.Errorf("what can't be moved is gone: %+v", st)
	}
	e.set(box, store.Replace, append([]string{store.Seen}, many...), 2)
	e.set(box, store.Remove, []string{"more", "K7"}, 1, 2)
	_, err := e.Deliver(e.ctx, []string{user}, one)
	e.must(err)
	if list := e.entries(box); len(list) != 3 || len(list[0].Flags) != store.MaxKeywords || len(list[2].Flags) != 0 {
		e.Errorf("%d messages", len(list))
	}
}

func expunge(e *env) {
	box := e.inbox(5)
	e.set(box, store.Add, []string{store.Deleted}, 1, 2, 5)
	gone, err := e.ExpungeDeleted(e.ctx, box.ID, []store.UID{})
	e.must(err)
	e.wantUIDs("an empty set", gone)
	gone, err = e.ExpungeDeleted(e.ctx, box.ID, []store.UID{3, 2, 9})
	e.must(err)
	e.wantUIDs("some", gone, 2)
	if st := e.status(box); st.Deleted != 2 || st.Messages != 4 {
		e.Errorf("status %+v", st)
	}
	gone, err = e.ExpungeDeleted(e.ctx, box.ID, nil)
	e.must(err)
	e.wantUIDs("all", gone, 1, 5)
	gone, err = e.Expunge(e.ctx, box.ID, []store.UID{9, 3, 3})
	e.must(err)
	e.wantUIDs("without the flag", gone, 3)
	gone, err = e.Expunge(e.ctx, box.ID, nil)
	e.must(err)
	e.wantUIDs("nothing", gone)
	e.wantLines("left", flagsOf(e.entries(box)), "4 []")
	if uid := e.add(box); uid != 6 {
		e.Errorf("a UID used again: %d", uid)
	}
}

func copyAndMove(e *env) {
	box, dest := e.inbox(0), e.mailbox("Archive")
	date := time.Date(2001, 2, 3, 4, 5, 6, 0, time.FixedZone("", 3600))
	in := text("12345")
	in.Flags, in.Date = []string{"Work", store.Seen}, date
	_, err := e.Append(e.ctx, box.ID, []store.Incoming{in, in, in})
	e.must(err)
	e.add(dest, "WORK")
	watch, err := e.WatchArrivals(e.ctx)
	e.must(err)
	defer watch.Close()

	src, dst, err := e.Copy(e.ctx, box.ID, []store.UID{3, 1, 9}, dest.ID)
	e.must(err)
	e.wantUIDs("from", src, 1, 3)
	e.wantUIDs("to", dst, 2, 3)
	e.awaitToken("arrivals", watch.Changed())
	list := e.entries(dest)
	if x := list[1]; !x.Date.Equal(date) || fmt.Sprint(x.Flags) != `[WORK \Seen]` || x.Message.ID() != e.entries(box)[0].Message.ID() {
		e.Errorf("copy: %+v", x)
	}
	src, dst, err = e.Move(e.ctx, box.ID, []store.UID{2}, dest.ID)
	e.must(err)
	e.wantUIDs("from", src, 2)
	e.wantUIDs("to", dst, 4)
	// Into the same mailbox.
	_, dst, err = e.Copy(e.ctx, box.ID, []store.UID{1}, box.ID)
	e.must(err)
	e.wantUIDs("to", dst, 4)
	_, dst, err = e.Move(e.ctx, box.ID, []store.UID{3}, box.ID)
	e.must(err)
	e.wantUIDs("to", dst, 5)
	if st := e.status(box); st.Size != 15 || st.Messages != 3 {
		e.Errorf("status %+v", st)
	}
	e.must(e.Delete(e.ctx, user, "Archive"))
	_, _, err = e.Copy(e.ctx, box.ID, []store.UID{1}, dest.ID)
	e.wantErr("Copy to a deleted mailbox", err, store.ErrNoMailbox)
	_, _, err = e.Move(e.ctx, box.ID, []store.UID{1}, dest.ID)
	e.wantErr("Move to a deleted mailbox", err, store.ErrNoMailbox)
	src, _, err = e.Move(e.ctx, dest.ID, []store.UID{1}, box.ID)
	e.must(err)
	e.wantUIDs("from a deleted mailbox", src)
	if st := e.status(box); st.Messages != 3 {
		e.Errorf("a failed Move took messages: %+v", st)
	}
}

// moveOnce checks that sessions which move the same messages at the same time don't duplicate them.
func moveOnce(e *env) {
	box, dest := e.mailbox("INBOX"), e.mailbox("Archive")
	for range 20 {
		for range 10 {
			e.add(box)
		}
		s, err := e.Snapshot(e.ctx, box.ID)
		e.must(err)
		var moved atomic.Int64
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				src, dst, err := e.Move(e.ctx, box.ID, s.UIDs, dest.ID)
				if err != nil || len(src) != len(dst) {
					e.Error(src, dst, err)
				}
				moved.Add(int64(len(src)))
			})
		}
		group.Wait()
		if n := e.status(dest).Messages; n != 10 || moved.Load() != 10 || e.status(box).Messages != 0 {
			e.Fatalf("%d messages arrived, %d reported as moved", n, moved.Load())
		}
		_, err = e.Expunge(e.ctx, dest.ID, uids(e.entries(dest)))
		e.must(err)
	}
}

func uids(list []store.Entry) (out []store.UID) {
	for i := range list {
		out = append(out, list[i].UID)
	}
	return out
}

func recent(e *env) {
	box := e.inbox(2)
	claim := func(below, want store.UID) {
		e.Helper()
		if from, err := e.ClaimRecent(e.ctx, box.ID, below); from != want || err != nil {
			e.Errorf("ClaimRecent(%d) = %d, %v, want %d", below, from, err, want)
		}
	}
	if n := e.status(box).Recent; n != 2 {
		e.Errorf("%d recent", n)
	}
	claim(2, 1)
	if n := e.status(box).Recent; n != 1 {
		e.Errorf("%d recent", n)
	}
	claim(99, 2) // no further than the last message
	claim(1, 3)  // never backwards
	e.add(box)
	if n := e.status(box).Recent; n != 1 {
		e.Errorf("%d recent", n)
	}
	claim(4, 3)
	s, err := e.Snapshot(e.ctx, box.ID)
	if err != nil || s.RecentFrom != 4 || s.FirstUnseen != 1 || !slices.Equal(s.UIDs, []store.UID{1, 2, 3}) {
		e.Errorf("%+v, %v", s, err)
	}
}
