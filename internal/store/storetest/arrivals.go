package storetest

import (
	"fmt"
	"sync"

	"github.com/mailrig/mailrig/internal/store"
)

// numbered checks that all mailboxes together have one order.
func numbered(e *env) {
	latest := func(account string, after, before uint64, n int) []store.Placed {
		e.Helper()
		list, err := e.Latest(e.ctx, account, after, before, n)
		e.must(err)
		return list
	}
	if n, err := e.Arrived(e.ctx); n != 0 || err != nil {
		e.Errorf("an empty store has arrivals up to %d, %v", n, err)
	}
	if list := latest("nobody", 0, 0, 9); len(list) != 0 {
		e.Errorf("nobody has %v", list)
	}
	if ok, _ := e.HasAccount(e.ctx, "nobody"); ok {
		e.Error("Latest makes an account")
	}
	for i := range 4 {
		_, err := e.Deliver(e.ctx, []string{user, fmt.Sprintf("v%d", i%2)}, text(fmt.Sprintln(i)))
		e.must(err)
	}
	inbox, err := e.Mailbox(e.ctx, user, "INBOX")
	e.must(err)
	trash, err := e.Mailbox(e.ctx, user, "Trash")
	e.must(err)
	_, err = e.Append(e.ctx, trash.ID, []store.Incoming{text("a"), text("b")})
	e.must(err)
	_, _, err = e.Move(e.ctx, inbox.ID, []store.UID{2}, trash.ID)
	e.must(err)
	_, err = e.Expunge(e.ctx, inbox.ID, []store.UID{1})
	e.must(err)

	all := latest("", 0, 0, 100)
	var lines []string
	for i, p := range all {
		lines = append(lines, fmt.Sprintf("%s %s %d", p.Mailbox.Account, p.Mailbox.Name, p.UID))
		if i > 0 && p.Arrival >= all[i-1].Arrival {
			e.Errorf("number %d is followed by %d", all[i-1].Arrival, p.Arrival)
		}
		entries, err := e.Entries(e.ctx, p.Mailbox.ID, []store.UID{p.UID})
		if err != nil || len(entries) != 1 || entries[0].Arrival != p.Arrival || entries[0].Message.ID() != p.Message.ID() {
			e.Errorf("entry %+v, %v; want %+v", entries, err, p.Entry)
		}
		origin, err := p.Message.Origin(e.ctx)
		if moved := i == 0; err != nil || moved != (origin.Arrival < p.Arrival-1) || origin.Arrival > p.Arrival {
			e.Errorf("%s first came as number %d, and here as %d (%v)", lines[i], origin.Arrival, p.Arrival, err)
		}
	}
	const v0, v1 = "v0@example.test INBOX ", "v1@example.test INBOX "
	e.wantLines("all", lines, user+" Trash 3", user+" Trash 2", user+" Trash 1", v1+"2", user+" INBOX 4", v0+"2", user+" INBOX 3", v1+"1", v0+"1")
	if n, err := e.Arrived(e.ctx); err != nil || n != all[0].Arrival {
		e.Errorf("arrived: %d, %v; want %d", n, err, all[0].Arrival)
	}

	// Pages join without gaps.
	lines = lines[:0]
	for before := uint64(0); ; {
		page := latest("", all[8].Arrival, before, 3)
		if len(page) == 0 {
			break
		}
		for _, p := range page {
			lines = append(lines, fmt.Sprint(p.Arrival))
			before = p.Arrival
		}
	}
	var want []string
	for _, p := range all[:8] {
		want = append(want, fmt.Sprint(p.Arrival))
	}
	e.wantLines("pages", lines, want...)
	if list := latest("v1", 0, 0, 9); len(list) != 2 {
		e.Errorf("one account: %+v", list)
	}

	e.must(e.Delete(e.ctx, user, "Trash"))
	if list := latest("", 0, 0, 100); len(list) != 6 {
		e.Errorf("%d entries after a mailbox was deleted", len(list))
	}
	e.must(e.Store.Reset(e.ctx))
	if list := latest("", 0, 0, 100); len(list) != 0 {
		e.Errorf("after Reset: %+v", list)
	}
	_, err = e.Deliver(e.ctx, []string{user}, text("x"))
	e.must(err)
	if list := latest("", all[0].Arrival, 0, 100); len(list) != 1 {
		e.Errorf("numbers after Reset: %+v", list)
	}
}

// numbersInOrder checks that an entry whose number is up to Arrived can be seen.
func numbersInOrder(e *env) {
	const each = 50
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range each {
				if _, err := e.Deliver(e.ctx, []string{user, fmt.Sprintf("v%d", i)}, text("x")); err != nil {
					e.Error(err)
				}
			}
		})
	}
	seen, last := 0, uint64(0)
	look := func() {
		n, err := e.Arrived(e.ctx)
		e.must(err)
		list, err := e.Latest(e.ctx, "", last, n+1, 1000)
		e.must(err)
		seen, last = seen+len(list), n
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for {
		select {
		case <-done:
			look()
			if seen != 4*each*2 {
				e.Errorf("%d entries seen, of %d", seen, 4*each*2)
			}
			return
		default:
			look()
		}
	}
}
