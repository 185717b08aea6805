package view_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/memory"
	"github.com/mailrig/mailrig/internal/store/storetest"
	"github.com/mailrig/mailrig/internal/store/view"
)

// rig is an INBOX and what a test does to it. Its methods fail the test.
type rig struct {
	testing.TB
	*memory.Store
	ctx context.Context
	box store.Mailbox
}

func newRig(t testing.TB, messages int) *rig {
	r := &rig{TB: t, Store: memory.New(memory.Options{}), ctx: context.Background()}
	r.box = r.mailbox("INBOX")
	for range messages {
		r.add()
	}
	return r
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) mailbox(name string) store.Mailbox {
	r.Helper()
	box, err := r.Mailbox(r.ctx, "u", name)
	r.must(err)
	return box
}

func (r *rig) add(flags ...string) store.UID {
	r.Helper()
	uids, err := r.Append(r.ctx, r.box.ID, []store.Incoming{{Content: store.Bytes("Subject: x\r\n\r\nx\r\n"), Flags: flags}})
	r.must(err)
	return uids[0]
}

func (r *rig) expunge(uids ...store.UID) {
	r.Helper()
	_, err := r.Expunge(r.ctx, r.box.ID, uids)
	r.must(err)
}

func (r *rig) open(readOnly bool) *view.View {
	r.Helper()
	v, err := view.Open(r.ctx, r.Store, r.box, readOnly)
	r.must(err)
	r.Cleanup(v.Close)
	return v
}

func (r *rig) set(v *view.View, uids []store.UID, op store.Op, flags ...string) []view.Item {
	r.Helper()
	items, err := v.Store(r.ctx, uids, op, flags)
	r.must(err)
	return items
}

func (r *rig) all(v *view.View) []view.Item {
	r.Helper()
	items, err := v.All(r.ctx)
	r.must(err)
	return items
}

func (r *rig) sync(v *view.View, expunges bool) []view.Change {
	r.Helper()
	changes, err := v.Sync(r.ctx, expunges)
	r.must(err)
	return changes
}

// wantSync checks what a view reports, as a client would see it.
func (r *rig) wantSync(what string, v *view.View, expunges bool, want ...string) {
	r.Helper()
	lines := storetest.Lines(r.sync(v, expunges))
	if !slices.Equal(lines, want) {
		r.Errorf("%s:\n got %q\nwant %q", what, lines, want)
	}
}

func hasToken(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestSyncTellsWhatOthersDid(t *testing.T) {
	t.Parallel()
	r := newRig(t, 5)
	v, other := r.open(false), r.open(false)
	r.wantSync("nothing yet", v, true)

	r.set(other, []store.UID{1, 3, 4}, store.Add, store.Deleted)
	r.set(other, []store.UID{2}, store.Add, "$Junk")
	r.add(store.Seen)
	if gone, err := other.Expunge(r.ctx, []store.UID{1, 3, 5, 99}); err != nil || !slices.Equal(gone, []store.UID{1, 3}) {
		t.Fatalf("Expunge = %v, %v", gone, err)
	}
	if !hasToken(v.Changed()) {
		t.Error("no token")
	}
	r.wantSync("without expunges", v, false,
		"6 EXISTS", `FLAGS [\Answered \Deleted \Draft \Flagged \Seen $Junk]`, "2 FETCH [$Junk]", `4 FETCH [\Deleted]`)
	r.wantSync("again", v, false)
	if items := r.all(v); len(items) != 4 || items[0].Seq != 2 || items[3].Seq != 6 {
		t.Errorf("All with removed ones still numbered: %+v", items)
	}
	r.wantSync("with expunges", v, true, "1 EXPUNGE", "2 EXPUNGE")
	r.wantSync("again", v, true)
	if !slices.Equal(v.UIDs(), []store.UID{2, 4, 5, 6}) {
		t.Errorf("UIDs %v", v.UIDs())
	}
	r.wantSync("the other", other, true, "1 EXPUNGE", "2 EXPUNGE", "4 EXISTS",
		`FLAGS [\Answered \Deleted \Draft \Flagged \Seen $Junk]`)
}

func TestUIDsStayAsTheyWere(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	v := r.open(false)
	uids := v.UIDs()
	r.set(v, uids, store.Replace, store.Deleted)
	r.add()
	_, err := v.Expunge(r.ctx, nil)
	r.must(err)
	r.sync(v, true)
	if !slices.Equal(uids, []store.UID{1, 2, 3}) || !slices.Equal(v.UIDs(), []store.UID{4}) {
		t.Errorf("changed afterwards: %v; %v", uids, v.UIDs())
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	v, other := r.open(false), r.open(false)
	items := r.set(v, []store.UID{1}, store.Add, `\seen`, "Work")
	if len(items) != 1 || items[0].Seq != 1 || items[0].UID != 1 || fmt.Sprint(items[0].Flags) != `[Work \Seen]` {
		t.Fatalf("items %+v", items)
	}
	r.wantSync("own", v, true, `FLAGS [\Answered \Deleted \Draft \Flagged \Seen Work]`)
	r.wantSync("other's", other, true, `FLAGS [\Answered \Deleted \Draft \Flagged \Seen Work]`, `1 FETCH [Work \Seen]`)
	if items := r.set(v, []store.UID{99, 2, 2, 1}, store.Add, store.Flagged); len(items) != 2 || items[0].UID != 1 {
		t.Errorf("items %+v", items)
	}
	r.wantSync("own", v, true)
	if items := r.set(v, []store.UID{99}, store.Add, "never"); len(items) != 0 {
		t.Errorf("items %+v", items)
	}
}

// TestStoreOverUnreportedChange checks that a silent STORE doesn't hide what somebody else did to the same message
// before.
func TestStoreOverUnreportedChange(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	v, other := r.open(false), r.open(false)
	r.set(other, []store.UID{1}, store.Add, store.Flagged)
	r.set(v, []store.UID{1, 2}, store.Add, store.Seen)
	r.set(v, []store.UID{1, 2}, store.Add, store.Draft)
	r.wantSync("sync", v, false, `1 FETCH [\Draft \Flagged \Seen]`)
	r.set(v, []store.UID{2}, store.Remove, store.Draft)
	r.set(other, []store.UID{2}, store.Remove, store.Seen)
	r.wantSync("sync", v, false, `2 FETCH []`)
	_, err := r.SetFlags(r.ctx, r.box.ID, []store.UID{2}, store.Add, []string{store.Seen})
	r.must(err)
	if !hasToken(v.Changed()) {
		t.Error("no token")
	}
	r.wantSync("stored by nobody", v, false, `2 FETCH [\Seen]`)
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	v := r.open(true)
	_, storeErr := v.Store(r.ctx, []store.UID{1}, store.Add, []string{store.Seen})
	_, expungeErr := v.Expunge(r.ctx, nil)
	_, _, moveErr := v.Move(r.ctx, []store.UID{1}, r.box.ID)
	for _, err := range []error{storeErr, expungeErr, moveErr} {
		if !errors.Is(err, view.ErrReadOnly) {
			t.Error(err)
		}
	}
	if _, dst, err := v.Copy(r.ctx, []store.UID{1}, r.mailbox("Archive").ID); err != nil || !slices.Equal(dst, []store.UID{1}) {
		t.Errorf("Copy = %v, %v", dst, err)
	}
	if items := r.all(v); len(items) != 1 || len(items[0].Flags) != 0 {
		t.Errorf("changed: %+v", items)
	}
}

func TestRecent(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	examine := r.open(true)
	if examine.Recent() != 2 || examine.Opened().Recent != 2 {
		t.Errorf("EXAMINE: %d, %+v", examine.Recent(), examine.Opened())
	}
	first, second := r.open(false), r.open(false)
	if first.Recent() != 2 || second.Recent() != 0 {
		t.Errorf("claimed by first: %d, second %d", first.Recent(), second.Recent())
	}
	r.add()
	r.sync(second, true)
	r.sync(first, true)
	if first.Recent() != 2 || second.Recent() != 1 {
		t.Errorf("the first to sync claims: first %d, second %d", first.Recent(), second.Recent())
	}
	if items := r.all(second); items[1].Recent || !items[2].Recent || items[2].Has(store.Recent) {
		t.Errorf("items %+v", items)
	}
	r.expunge(3)
	if r.sync(second, true); second.Recent() != 0 {
		t.Errorf("an expunged message is still recent")
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	r := newRig(t, 4)
	r.expunge(2)
	v := r.open(false)
	for seq, want := range map[uint32]store.UID{0: 0, 1: 1, 2: 3, 3: 4, 4: 0} {
		uid, ok := v.UID(seq)
		if uid != want || ok != (want != 0) {
			t.Errorf("UID(%d) = %d, %v", seq, uid, ok)
		}
	}
	for uid, want := range map[store.UID]uint32{0: 0, 1: 1, 2: 0, 3: 2, 4: 3, 5: 0} {
		seq, ok := v.Seq(uid)
		if seq != want || ok != (want != 0) {
			t.Errorf("Seq(%d) = %d, %v", uid, seq, ok)
		}
	}
	for _, seen := range []struct {
		uids []store.UID
		want uint32
	}{{nil, 1}, {[]store.UID{1, 3}, 3}, {[]store.UID{4}, 0}} {
		r.set(v, seen.uids, store.Add, store.Seen)
		if first := r.open(true).FirstUnseen(); first != seen.want {
			t.Errorf("FirstUnseen %d, want %d", first, seen.want)
		}
	}
	r.expunge(4)
	items, err := v.Items(r.ctx, []store.UID{9, 4, 3, 3, 1})
	if err != nil || len(items) != 2 || items[0].Seq != 1 || items[1].Seq != 2 {
		t.Errorf("Items %+v, %v", items, err)
	}
}

func TestExpungeChoice(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	v := r.open(false)
	r.set(v, []store.UID{1, 2}, store.Add, store.Deleted)
	late := r.add(store.Deleted)
	for _, step := range []struct{ uids, want []store.UID }{
		{[]store.UID{}, nil},
		{[]store.UID{3, 2, late}, []store.UID{2}}, // UID EXPUNGE is only about what the client knows
		{nil, []store.UID{1, late}},
	} {
		if gone, err := v.Expunge(r.ctx, step.uids); err != nil || !slices.Equal(gone, step.want) {
			t.Errorf("Expunge(%v) = %v, %v", step.uids, gone, err)
		}
	}
	r.wantSync("late one was never seen", v, true, "1 EXPUNGE", "1 EXPUNGE")
}

func TestMoveIsTold(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	v := r.open(false)
	_, dst, err := v.Move(r.ctx, []store.UID{2, 9}, r.mailbox("Archive").ID)
	if err != nil || !slices.Equal(dst, []store.UID{1}) {
		t.Fatalf("%v, %v", dst, err)
	}
	r.wantSync("after Move", v, true, "2 EXPUNGE")
	_, _, err = v.Copy(r.ctx, []store.UID{1}, r.box.ID)
	r.must(err)
	_, _, err = v.Move(r.ctx, []store.UID{3}, r.box.ID)
	r.must(err)
	r.wantSync("into itself", v, true, "2 EXPUNGE", "3 EXISTS")
}

func TestCloseEndsTokens(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0)
	v := r.open(false)
	v.Close()
	v.Close()
	r.add()
	if hasToken(v.Changed()) {
		t.Error("a closed view is still told")
	}
}

// flaky is a store in which the next call of some methods fails.
type flaky struct {
	store.Store
	changes, claim, snapshot bool
}

var errDown = errors.New("down")

func (f *flaky) Changes(ctx context.Context, box store.MailboxID, since uint64) (store.Changes, error) {
	if f.changes {
		return store.Changes{}, errDown
	}
	return f.Store.Changes(ctx, box, since)
}

func (f *flaky) ClaimRecent(ctx context.Context, box store.MailboxID, below store.UID) (store.UID, error) {
	if f.claim {
		return 0, errDown
	}
	return f.Store.ClaimRecent(ctx, box, below)
}

func (f *flaky) Snapshot(ctx context.Context, box store.MailboxID) (store.Snapshot, error) {
	if f.snapshot {
		return store.Snapshot{}, errDown
	}
	return f.Store.Snapshot(ctx, box)
}

// TestErrorsLoseNothing checks that an error leaves the view as it was, and that later calls report what happened.
func TestErrorsLoseNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	f := &flaky{Store: r.Store, snapshot: true}
	if _, err := view.Open(r.ctx, f, r.box, false); !errors.Is(err, errDown) {
		t.Errorf("Open: %v", err)
	}
	f.snapshot = false
	v, err := view.Open(r.ctx, f, r.box, false)
	r.must(err)
	defer v.Close()
	r.expunge(2)
	r.add()
	_, err = r.SetFlags(r.ctx, r.box.ID, []store.UID{3}, store.Add, []string{store.Seen})
	r.must(err)
	for _, fail := range []*bool{&f.changes, &f.claim} {
		*fail = true
		if changes, err := v.Sync(r.ctx, true); !errors.Is(err, errDown) || changes != nil || v.Len() != 3 {
			t.Errorf("%v, %v", changes, err)
		}
		*fail = false
	}
	r.wantSync("later", v, true, "2 EXPUNGE", "3 EXISTS", `2 FETCH [\Seen]`)
	if v.Recent() != 3 {
		t.Errorf("%d recent", v.Recent())
	}
}
