package mailbox

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestSyncTellsWhatOthersDid(t *testing.T) {
	t.Parallel()
	_, b := newInbox(t, 5)
	v, other := b.Open(false), b.Open(false)
	defer v.Close()
	defer other.Close()
	wantLines(t, "nothing yet", show(v.Sync(true)))

	mustStore(t, other, []UID{1, 3, 4}, Add, Deleted)
	mustStore(t, other, []UID{2}, Add, "$Junk")
	mustAppend(t, b, Seen)
	if gone, err := other.Expunge([]UID{1, 3, 5, 99}); err != nil || !slices.Equal(gone, []UID{1, 3}) {
		t.Fatalf("Expunge = %v, %v", gone, err)
	}
	if !hasToken(v.Changed()) {
		t.Error("no token")
	}
	wantLines(t, "without expunges", show(v.Sync(false)),
		"6 EXISTS", `FLAGS [\Answered \Deleted \Draft \Flagged \Seen $Junk]`, "2 FETCH [$Junk]", `4 FETCH [\Deleted]`)
	wantLines(t, "again", show(v.Sync(false)))
	if items := v.All(); len(items) != 4 || items[0].Seq != 2 || items[3].Seq != 6 {
		t.Errorf("All with removed ones still numbered: %+v", items)
	}
	wantLines(t, "with expunges", show(v.Sync(true)), "1 EXPUNGE", "2 EXPUNGE")
	wantLines(t, "again", show(v.Sync(true)))
	if !slices.Equal(v.UIDs(), []UID{2, 4, 5, 6}) {
		t.Errorf("UIDs %v", v.UIDs())
	}
	wantLines(t, "the other", show(other.Sync(true)), "1 EXPUNGE", "2 EXPUNGE", "4 EXISTS",
		`FLAGS [\Answered \Deleted \Draft \Flagged \Seen $Junk]`)
}

func TestUIDsStayAsTheyWere(t *testing.T) {
	t.Parallel()
	_, b := newInbox(t, 3)
	v := b.Open(false)
	defer v.Close()
	uids, entries := v.UIDs(), b.Entries()
	mustStore(t, v, uids, Replace, Deleted)
	mustAppend(t, b)
	if _, err := v.Expunge(nil); err != nil {
		t.Fatal(err)
	}
	v.Sync(true)
	if !slices.Equal(uids, []UID{1, 2, 3}) || len(entries) != 3 || entries[2].UID != 3 || entries[2].Has(Deleted) {
		t.Errorf("changed afterwards: %v, %v", uids, entries)
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	_, b := newInbox(t, 2)
	v, other := b.Open(false), b.Open(false)
	defer v.Close()
	defer other.Close()

	flags := func(op Op, list ...string) string {
		t.Helper()
		items := mustStore(t, v, []UID{1}, op, list...)
		if len(items) != 1 || items[0].Seq != 1 || items[0].UID != 1 {
			t.Fatalf("items %+v", items)
		}
		return fmt.Sprint(items[0].Flags)
	}
	for _, step := range []struct {
		op   Op
		list []string
		want string
	}{
		{Add, []string{`\seen`, `\RECENT`, `\Nonsense`, "Work", "work", "", "a b", "ü"}, `[Work \Seen]`},
		{Add, []string{"WORK", Flagged}, `[Work \Flagged \Seen]`},
		{Remove, []string{"wOrK", "unknown", `\SEEN`}, `[\Flagged]`},
		{Replace, []string{Draft, "other"}, `[\Draft other]`},
		{Replace, nil, `[]`},
	} {
		if got := flags(step.op, step.list...); got != step.want {
			t.Errorf("%v %v: %s, want %s", step.op, step.list, got, step.want)
		}
	}
	wantLines(t, "keywords", b.Status().Keywords, "Work", "other")
	if !hasToken(v.Changed()) {
		t.Error("no token for new keywords")
	}
	wantLines(t, "own", show(v.Sync(true)), `FLAGS [\Answered \Deleted \Draft \Flagged \Seen Work other]`)
	wantLines(t, "other's", show(other.Sync(true)),
		`FLAGS [\Answered \Deleted \Draft \Flagged \Seen Work other]`, "1 FETCH []")

	before := b.Status().HighestModSeq
	mustStore(t, v, []UID{1, 2}, Remove, Seen)
	if b.Status().HighestModSeq != before || hasToken(other.Changed()) && len(other.Sync(true)) > 0 {
		t.Error("a STORE that changes nothing counts as a change")
	}
	if items := mustStore(t, v, []UID{99, 2, 2, 1}, Add, Seen); len(items) != 2 || items[0].UID != 1 {
		t.Errorf("items %+v", items)
	}
	wantLines(t, "own", show(v.Sync(true)))
	if st := b.Status(); st.Unseen != 0 {
		t.Errorf("status %+v", st)
	}
	if hasToken(v.Changed()) {
		t.Error("a token for what the view did itself")
	}
	if items := mustStore(t, v, []UID{99}, Add, "never"); len(items) != 0 || len(b.Status().Keywords) != 2 {
		t.Error("a keyword was learned that no message has")
	}
}

// A silent STORE must not hide what somebody else did to the same message before.
func TestStoreOverUnreportedChange(t *testing.T) {
	t.Parallel()
	_, b := newInbox(t, 2)
	v, other := b.Open(false), b.Open(false)
	defer v.Close()
	defer other.Close()
	mustStore(t, other, []UID{1}, Add, Flagged)
	mustStore(t, v, []UID{1, 2}, Add, Seen)
	mustStore(t, v, []UID{1, 2}, Add, Draft)
	wantLines(t, "sync", show(v.Sync(false)), `1 FETCH [\Draft \Flagged \Seen]`)
	mustStore(t, v, []UID{2}, Remove, Draft)
	mustStore(t, other, []UID{2}, Remove, Seen)
	wantLines(t, "sync", show(v.Sync(false)), `2 FETCH []`)
	b.Store([]UID{2}, Add, []string{Seen})
	if !hasToken(v.Changed()) {
		t.Error("no token")
	}
	wantLines(t, "stored by nobody", show(v.Sync(false)), `2 FETCH [\Seen]`)
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	a, b := newInbox(t, 1)
	v := b.Open(true)
	defer v.Close()
	_, storeErr := v.Store([]UID{1}, Add, []string{Seen})
	_, expungeErr := v.Expunge(nil)
	_, _, moveErr := v.Move([]UID{1}, b)
	for _, err := range []error{storeErr, expungeErr, moveErr} {
		wantErr(t, "read-only", err, ErrReadOnly)
	}
	if _, dst, err := v.Copy([]UID{1}, mustBox(t, a, "Archive")); err != nil || !slices.Equal(dst, []UID{1}) {
		t.Errorf("Copy = %v, %v", dst, err)
	}
	if e := b.Entries(); len(e) != 1 || len(e[0].Flags) != 0 {
		t.Errorf("changed: %+v", e)
	}
}

func TestRecent(t *testing.T) {
	t.Parallel()
	_, b := newInbox(t, 2)
	examine := b.Open(true)
	defer examine.Close()
	if examine.Recent() != 2 || b.Status().Recent != 2 {
		t.Errorf("EXAMINE takes \\Recent away: %d, %+v", examine.Recent(), b.Status())
	}
	first := b.Open(false)
	defer first.Close()
	second := b.Open(false)
	defer second.Close()
	if first.Recent() != 2 || second.Recent() != 0 || b.Status().Recent != 0 {
		t.Errorf("claimed by first: %d, second %d, status %d", first.Recent(), second.Recent(), b.Status().Recent)
	}
	mustAppend(t, b)
	if b.Status().Recent != 1 {
		t.Errorf("status %+v", b.Status())
	}
	second.Sync(true)
	first.Sync(true)
	if first.Recent() != 2 || second.Recent() != 1 {
		t.Errorf("the first to sync claims: first %d, second %d", first.Recent(), second.Recent())
	}
	if items := second.All(); items[1].Recent || !items[2].Recent || items[2].Has(Recent) {
		t.Errorf("items %+v", items)
	}
	b.Expunge([]UID{3})
	if second.Sync(true); second.Recent() != 0 {
		t.Errorf("an expunged message is still recent")
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	_, b := newInbox(t, 4)
	b.Expunge([]UID{2})
	v := b.Open(false)
	defer v.Close()
	for seq, want := range map[uint32]UID{0: 0, 1: 1, 2: 3, 3: 4, 4: 0} {
		uid, ok := v.UID(seq)
		if uid != want || ok != (want != 0) {
			t.Errorf("UID(%d) = %d, %v", seq, uid, ok)
		}
	}
	for uid, want := range map[UID]uint32{0: 0, 1: 1, 2: 0, 3: 2, 4: 3, 5: 0} {
		seq, ok := v.Seq(uid)
		if seq != want || ok != (want != 0) {
			t.Errorf("Seq(%d) = %d, %v", uid, seq, ok)
		}
	}
	if v.FirstUnseen() != 1 {
		t.Errorf("FirstUnseen %d", v.FirstUnseen())
	}
	mustStore(t, v, []UID{1, 3}, Add, Seen)
	if v.FirstUnseen() != 3 {
		t.Errorf("FirstUnseen %d", v.FirstUnseen())
	}
	b.Expunge([]UID{4})
	if v.FirstUnseen() != 0 {
		t.Errorf("FirstUnseen %d", v.FirstUnseen())
	}
	if items := v.Items([]UID{9, 4, 3, 3, 1}); len(items) != 2 || items[0].Seq != 1 || items[1].Seq != 2 {
		t.Errorf("Items %+v", items)
	}
}

func TestCopyAndMove(t *testing.T) {
	t.Parallel()
	a, b := newInbox(t, 0)
	date := time.Date(2001, 2, 3, 4, 5, 6, 0, time.FixedZone("", 3600))
	for range 3 {
		if _, err := b.Append(testMessage("12345"), []string{"Work", Seen}, date); err != nil {
			t.Fatal(err)
		}
	}
	dest := mustBox(t, a, "Archive")
	mustAppend(t, dest, "WORK")
	v := b.Open(false)
	defer v.Close()
	watch, stop := a.store.Watch()
	defer stop()
	src, dst, err := v.Copy([]UID{3, 1, 9}, dest)
	if err != nil || !slices.Equal(src, []UID{1, 3}) || !slices.Equal(dst, []UID{2, 3}) {
		t.Fatalf("Copy = %v, %v, %v", src, dst, err)
	}
	if !hasToken(watch) {
		t.Error("no token for a watcher")
	}
	e := dest.Entries()[1]
	if !e.Date.Equal(date) || fmt.Sprint(e.Flags) != `[WORK \Seen]` || e.Message != b.Entries()[0].Message {
		t.Errorf("copy: %+v", e)
	}
	src, dst, err = v.Move([]UID{2}, dest)
	if err != nil || !slices.Equal(src, []UID{2}) || !slices.Equal(dst, []UID{4}) {
		t.Fatalf("Move = %v, %v, %v", src, dst, err)
	}
	wantLines(t, "after Move", show(v.Sync(true)), "2 EXPUNGE")
	// Into itself.
	if _, dst, err = v.Copy([]UID{1}, b); err != nil || !slices.Equal(dst, []UID{4}) {
		t.Fatalf("Copy = %v, %v", dst, err)
	}
	if _, dst, err = v.Move([]UID{3}, b); err != nil || !slices.Equal(dst, []UID{5}) {
		t.Fatalf("Move = %v, %v", dst, err)
	}
	wantLines(t, "into itself", show(v.Sync(true)), "2 EXPUNGE", "3 EXISTS")
	if st := b.Status(); st.Size != 15 || st.Messages != 3 || len(b.moving) != 0 {
		t.Errorf("status %+v, moving %v", st, b.moving)
	}
	if err := a.Delete("Archive"); err != nil {
		t.Fatal(err)
	}
	if _, _, err = v.Copy([]UID{1}, dest); !errors.Is(err, ErrNoMailbox) {
		t.Errorf("Copy to a deleted mailbox: %v", err)
	}
	if _, _, err = v.Move([]UID{1}, dest); !errors.Is(err, ErrNoMailbox) {
		t.Errorf("Move to a deleted mailbox: %v", err)
	}
	if st := b.Status(); st.Messages != 3 || len(b.moving) != 0 {
		t.Errorf("a failed Move took messages: %+v, moving %v", st, b.moving)
	}
}

func TestExpungeChoice(t *testing.T) {
	t.Parallel()
	_, b := newInbox(t, 3)
	v := b.Open(false)
	defer v.Close()
	mustStore(t, v, []UID{1, 2}, Add, Deleted)
	late := mustAppend(t, b, Deleted)
	if gone, _ := v.Expunge([]UID{}); gone != nil {
		t.Errorf("an empty set expunged %v", gone)
	}
	if gone, _ := v.Expunge([]UID{3, 2, late}); !slices.Equal(gone, []UID{2}) {
		t.Errorf("UID EXPUNGE removed %v", gone)
	}
	if st := b.Status(); st.Deleted != 2 {
		t.Errorf("status %+v", st)
	}
	if gone, _ := v.Expunge(nil); !slices.Equal(gone, []UID{1, late}) {
		t.Errorf("EXPUNGE removed %v", gone)
	}
	wantLines(t, "late one was never seen", show(v.Sync(true)), "1 EXPUNGE", "1 EXPUNGE")
	if gone := b.Expunge([]UID{3, 99}); !slices.Equal(gone, []UID{3}) {
		t.Errorf("removed %v", gone)
	}
}

func TestCloseEndsTokens(t *testing.T) {
	t.Parallel()
	_, b := newInbox(t, 0)
	v := b.Open(false)
	v.Close()
	v.Close()
	mustAppend(t, b)
	if hasToken(v.Changed()) || len(b.views) != 0 {
		t.Error("a closed view is still told")
	}
}
