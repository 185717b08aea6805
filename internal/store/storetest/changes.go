package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/view"
)

// sync brings a view up to date and returns what a client would hear.
func (e *env) sync(v *view.View, expunges bool) []string {
	e.Helper()
	changes, err := v.Sync(e.ctx, expunges)
	e.must(err)
	return Lines(changes)
}

// Lines renders what a view reports as an IMAP client would hear it.
func Lines(changes []view.Change) []string {
	lines := []string{}
	for _, c := range changes {
		switch {
		case c.Expunged != 0:
			lines = append(lines, fmt.Sprintf("%d EXPUNGE", c.Expunged))
		case c.Exists != 0:
			lines = append(lines, fmt.Sprintf("%d EXISTS", c.Exists))
		case c.Keywords != nil:
			lines = append(lines, fmt.Sprintf("FLAGS %v", c.Keywords))
		case c.Flags != nil:
			lines = append(lines, fmt.Sprintf("%d FETCH %v", c.Flags.Seq, c.Flags.Flags))
		default:
			lines = append(lines, "nothing set")
		}
	}
	return lines
}

func changes(e *env) {
	box := e.inbox(4)
	at := func(since uint64) store.Changes {
		e.Helper()
		c, err := e.Changes(e.ctx, box.ID, since)
		e.must(err)
		if st := e.status(box); c.ModSeq != st.HighestModSeq || c.UIDNext != st.UIDNext || c.Truncated {
			e.Errorf("%+v at %+v", c, st)
		}
		return c
	}
	t0 := e.status(box).HighestModSeq
	if c := at(t0); len(c.Entries)+len(c.Expunged)+len(c.Keywords) != 0 {
		e.Errorf("nothing happened: %+v", c)
	}
	e.set(box, store.Add, []string{store.Seen, "kw"}, 2)
	t1 := e.status(box).HighestModSeq
	e.add(box)
	_, err := e.Expunge(e.ctx, box.ID, []store.UID{3, 1})
	e.must(err)
	t2 := e.status(box).HighestModSeq
	e.set(box, store.Add, []string{store.Seen}, 4)
	_, err = e.Expunge(e.ctx, box.ID, []store.UID{2})
	e.must(err)

	c := at(t0)
	e.wantLines("all", flagsOf(c.Entries), `4 [\Seen]`, "5 []")
	e.wantUIDs("all", c.Expunged, 1, 2, 3)
	e.wantLines("all", c.Keywords, "kw")
	c = at(t1)
	e.wantLines("after the first", flagsOf(c.Entries), `4 [\Seen]`, "5 []")
	e.wantUIDs("after the first", c.Expunged, 1, 2, 3)
	e.wantLines("after the first", c.Keywords)
	c = at(t2)
	e.wantLines("after the second", flagsOf(c.Entries), `4 [\Seen]`)
	e.wantUIDs("after the second", c.Expunged, 2)
	if t0 >= t1 || t1 >= t2 || t2 >= c.ModSeq || c.Entries[0].ModSeq <= t2 {
		e.Errorf("mod-sequences %d, %d, %d, %+v", t0, t1, t2, c)
	}
}

// longHistory checks that a store which forgets removals says so, and that a view still learns the truth.
func longHistory(e *env) {
	const n, step = 12_000, 30
	box := e.mailbox("INBOX")
	var in []store.Incoming
	for range n {
		in = append(in, text("x"))
	}
	_, err := e.Append(e.ctx, box.ID, in)
	e.must(err)
	v := e.open(box, false)
	since := e.status(box).HighestModSeq
	var gone int
	for from := store.UID(1); from <= n; from += step { // two out of three
		var uids []store.UID
		for uid := from; uid < from+step*2/3; uid++ {
			uids = append(uids, uid)
		}
		removed, err := e.Expunge(e.ctx, box.ID, uids)
		e.must(err)
		gone += len(removed)
		c, err := e.Changes(e.ctx, box.ID, since)
		e.must(err)
		if !c.Truncated && len(c.Expunged) != gone {
			e.Fatalf("%d of %d removals, and not truncated", len(c.Expunged), gone)
		}
	}
	late, err := e.Changes(e.ctx, box.ID, e.status(box).HighestModSeq-1)
	e.must(err)
	if late.Truncated {
		e.Error("the last removal is forgotten")
	}
	if told := e.sync(v, true); len(told) != gone {
		e.Errorf("%d EXPUNGE for %d", len(told), gone)
	}
	left := e.entries(box)
	e.wantUIDs("the view", v.UIDs(), uids(left)...)
	// All at the same time.
	_, err = e.Expunge(e.ctx, box.ID, uids(left))
	e.must(err)
	if told := e.sync(v, true); len(told) != len(left) || v.Len() != 0 {
		e.Errorf("%d EXPUNGE for %d", len(told), len(left))
	}
}

// noMailbox checks that each method reports a mailbox that doesn't exist.
func noMailbox(e *env) {
	e.create("x")
	gone := e.mailbox("x")
	e.must(e.Delete(e.ctx, user, "x"))
	for _, id := range []store.MailboxID{0, gone.ID} {
		for name, call := range e.calls(e.ctx, id) {
			e.wantErr(name, call(), store.ErrNoMailbox)
		}
	}
}

// calls lists the methods that need a mailbox.
func (e *env) calls(ctx context.Context, id store.MailboxID) map[string]func() error {
	return map[string]func() error{
		"Append": func() error { _, err := e.Append(ctx, id, []store.Incoming{text("x")}); return err },
		"Status": func() error { _, err := e.Status(ctx, id); return err },
		"Snapshot": func() error {
			_, err := e.Snapshot(ctx, id)
			return err
		},
		"Entries":  func() error { _, err := e.Entries(ctx, id, nil); return err },
		"Changes":  func() error { _, err := e.Changes(ctx, id, 1); return err },
		"SetFlags": func() error { _, err := e.SetFlags(ctx, id, []store.UID{1}, store.Add, []string{"a"}); return err },
		"Expunge":  func() error { _, err := e.Expunge(ctx, id, []store.UID{1}); return err },
		"ExpungeDeleted": func() error {
			_, err := e.ExpungeDeleted(ctx, id, nil)
			return err
		},
		"Copy":        func() error { _, _, err := e.Copy(ctx, id, []store.UID{1}, id); return err },
		"Move":        func() error { _, _, err := e.Move(ctx, id, []store.UID{1}, id); return err },
		"ClaimRecent": func() error { _, err := e.ClaimRecent(ctx, id, 2); return err },
		"Watch":       func() error { _, err := e.Watch(ctx, id); return err },
	}
}

// contextEnds checks that nothing is done for a caller whose context has ended.
func contextEnds(e *env) {
	box := e.inbox(1)
	e.set(box, store.Add, []string{store.Deleted}, 1)
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	calls := e.calls(ctx, box.ID)
	for name, err := range map[string]func() error{
		"Deliver":      func() error { _, err := e.Deliver(ctx, []string{user}, text("x")); return err },
		"OpenAccount":  func() error { _, err := e.OpenAccount(ctx, "y"); return err },
		"LockMaildrop": func() error { _, err := e.LockMaildrop(ctx, user); return err },
		"Create":       func() error { return e.Create(ctx, user, "n", "") },
		"Delete":       func() error { return e.Delete(ctx, user, "Sent") },
		"Rename":       func() error { return e.Rename(ctx, user, "Sent", "n") },
		"Subscribe":    func() error { return e.Subscribe(ctx, user, "n") },
		"Unsubscribe":  func() error { return e.Unsubscribe(ctx, user, "Sent") },
		"Arrange":      func() error { return e.Arrange(ctx, user, []store.Folder{{Name: "n"}}) },
		"List":         func() error { _, err := e.List(ctx, user); return err },
		"Mailbox":      func() error { _, err := e.Mailbox(ctx, user, "INBOX"); return err },
		"Reset":        func() error { return e.Store.Reset(ctx) },
	} {
		calls[name] = err
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, context.Canceled) {
			e.Errorf("%s: %v", name, err)
		}
	}
	e.wantLines("entries", flagsOf(e.entries(box)), `1 [\Deleted]`)
	if l := e.list(); len(l) != 6 {
		e.Errorf("list %q", l)
	}
	if e.status(box).Recent != 1 {
		e.Error("\\Recent was claimed")
	}
}

func watchMailbox(e *env) {
	e.create("x")
	box, other := e.mailbox("x"), e.mailbox("INBOX")
	w, err := e.Watch(e.ctx, box.ID)
	e.must(err)
	for _, step := range []struct {
		what   string
		change func()
	}{
		{"Append", func() { e.add(box) }},
		{"SetFlags", func() { e.set(box, store.Add, []string{store.Flagged}, 1) }},
		{"Copy", func() { _, _, err := e.Copy(e.ctx, other.ID, []store.UID{e.add(other)}, box.ID); e.must(err) }},
		{"Expunge", func() { _, err := e.Expunge(e.ctx, box.ID, []store.UID{1}); e.must(err) }},
	} {
		step.change()
		e.awaitModSeq(step.what, w, e.status(box).HighestModSeq)
	}
	last := w.ModSeq()
	e.must(e.Delete(e.ctx, user, "x"))
	e.awaitModSeq("deletion", w, last+1)
	w.Close()
	w.Close()
}

// awaitModSeq takes tokens until the watch knows a mod-sequence.
func (e *env) awaitModSeq(what string, w store.Watch, want uint64) {
	e.Helper()
	deadline := time.After(patience)
	for {
		select {
		case <-w.Changed():
			if w.ModSeq() >= want {
				return
			}
		case <-deadline:
			e.Fatalf("%s: no token; mod-sequence %d, want %d", what, w.ModSeq(), want)
		}
	}
}

// arrivals lets each waiter wait until a mailbox of its own is full, with only tokens to wake it.
func arrivals(e *env) {
	const waiters, messages = 6, 100
	var group sync.WaitGroup
	deadline := time.Now().Add(patience)
	for w := range waiters {
		name := fmt.Sprint("user", w)
		group.Go(func() {
			watch, err := e.WatchArrivals(e.ctx)
			if err != nil {
				e.Error(err)
				return
			}
			defer watch.Close()
			for {
				box, err := e.Mailbox(e.ctx, name, "INBOX")
				if err != nil {
					e.Error(err)
					return
				}
				if st, err := e.Status(e.ctx, box.ID); err != nil || st.Messages == messages {
					if err != nil {
						e.Error(err)
					}
					return
				}
				select {
				case <-watch.Changed():
				case <-time.After(time.Until(deadline)):
					e.Error("the last token was lost")
					return
				}
			}
		})
		group.Go(func() {
			for range messages {
				if _, err := e.Deliver(e.ctx, []string{name}, text("x")); err != nil {
					e.Error(err)
				}
			}
		})
	}
	group.Wait()
}
