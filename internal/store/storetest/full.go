package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/store"
)

// RunFull runs the tests of a store that has a bound. open returns an empty store that has room for some hundred
// kilobytes of mail, and at most for some megabytes. If evict is set, the store removes mail to make room for more.
func RunFull(t *testing.T, open func(t testing.TB, evict bool) store.Store) {
	for name, test := range map[string]struct {
		evict bool
		run   func(*env)
	}{
		"NothingHalfStored": {false, nothingHalfStored},
		"RoomAgain":         {false, roomAgain},
		"SmallThings":       {false, smallThings},
		"FullConcurrently":  {false, fullConcurrently},
		"EvictsOldest":      {true, evictsOldest},
		"SparesLocked":      {true, sparesLocked},
		"EvictTellsClients": {true, evictTellsClients},
		"TooLargeForEver":   {true, tooLargeForEver},
		"EvictConcurrently": {true, evictConcurrently},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.run(&env{T: t, Store: open(t, test.evict), ctx: t.Context()})
		})
	}
}

const (
	large = 20 << 10
	most  = 2000 // large messages are certainly too many
)

// dated returns a large message that was received n minutes after some time.
func dated(n int) store.Incoming {
	return store.Incoming{
		Content:  store.Bytes(fmt.Sprintf("Subject: %d\r\n\r\n%s\r\n", n, strings.Repeat("x", large))),
		Received: time.Unix(1_700_000_000, 0).Add(time.Duration(n) * time.Minute),
	}
}

func (e *env) wantFull(what string, err error) {
	e.Helper()
	e.wantErr(what, err, store.ErrFull)
	if !store.Unavailable(err) {
		e.Errorf("%s: %v is no temporary failure", what, err)
	}
}

// fill delivers large messages to the accounts in turn until the store is full, and returns how many there are.
func (e *env) fill(accounts ...string) int {
	e.Helper()
	for n := range most {
		if _, err := e.Deliver(e.ctx, accounts[n%len(accounts):][:1], dated(n)); err != nil {
			e.wantFull("a message too many", err)
			if n < 2*len(accounts) {
				e.Fatalf("the store is full after %d messages", n)
			}
			return n
		}
	}
	e.Fatal("the store never gets full")
	return 0
}

// all returns how many messages all accounts have.
func (e *env) all() (n int) {
	e.Helper()
	accounts, err := e.ListAccounts(e.ctx)
	e.must(err)
	for _, a := range accounts {
		infos, err := e.List(e.ctx, a)
		e.must(err)
		for _, info := range infos {
			if info.Exists {
				n += int(e.statusOf(a, info.Name).Messages)
			}
		}
	}
	return n
}

func (e *env) statusOf(account, name string) store.Status {
	e.Helper()
	box, err := e.Mailbox(e.ctx, account, name)
	e.must(err)
	return e.status(box)
}

func nothingHalfStored(e *env) {
	inbox, archive := e.mailbox("INBOX"), e.mailbox("Archive")
	_, err := e.OpenAccount(e.ctx, "other@example.test")
	e.must(err)
	n := e.fill(user)
	before := e.status(inbox)

	_, err = e.Deliver(e.ctx, []string{user, "other@example.test"}, dated(1))
	e.wantFull("deliver to two accounts", err)
	small := text("Subject: small\r\n\r\nx\r\n")
	_, err = e.Append(e.ctx, archive.ID, []store.Incoming{small, small, dated(1)})
	e.wantFull("append three messages, the last one too large", err)
	if got := e.all(); got != n {
		e.Errorf("%d messages are there, want %d", got, n)
	}
	after := e.status(inbox)
	if after.UIDNext != before.UIDNext || after.HighestModSeq != before.HighestModSeq || after.Size != before.Size {
		e.Errorf("a refused message has changed the mailbox: %+v, before it %+v", after, before)
	}
}

// roomAgain: a client can always read, delete and expunge, and then there is room.
func roomAgain(e *env) {
	inbox, trash := e.mailbox("INBOX"), e.mailbox("Trash")
	n := e.fill(user)
	uids := e.entriesUIDs(inbox)
	e.set(inbox, store.Add, []string{store.Deleted, store.Seen}, uids[0])
	got, err := e.Expunge(e.ctx, inbox.ID, uids[:1])
	e.must(err)
	e.wantUIDs("expunged", got, uids[0])
	_, err = e.Deliver(e.ctx, []string{user}, dated(n))
	e.must(err)
	_, err = e.Deliver(e.ctx, []string{user}, dated(n))
	e.wantFull("the next message", err)

	_, moved, err := e.Move(e.ctx, inbox.ID, uids[1:], trash.ID) // a move takes nothing in the end
	e.must(err)
	e.set(trash, store.Replace, []string{store.Deleted}, moved...)
	_, err = e.ExpungeDeleted(e.ctx, trash.ID, nil)
	e.must(err)
	if again := e.fill(user) + 1; again < n-1 || again > n+1 {
		e.Errorf("after an expunge, %d messages fit where %d did before", again, n)
	}
	e.must(e.Reset(e.ctx))
	if again := e.fill(user); again < n-1 || again > n+1 {
		e.Errorf("after a reset, %d messages fit where %d did before", again, n)
	}
}

func (e *env) entriesUIDs(box store.Mailbox) (uids []store.UID) {
	for _, entry := range e.entries(box) {
		uids = append(uids, entry.UID)
	}
	return uids
}

// smallThings: everything that a client can make many of is bounded, not only mail.
func smallThings(e *env) {
	long := strings.Repeat("k", 200)
	for name, one := range map[string]func(i int) error{
		"accounts": func(i int) error {
			_, err := e.OpenAccount(e.ctx, fmt.Sprintf("%s%d@example.test", long, i))
			return err
		},
		"accounts by delivery": func(i int) error {
			_, err := e.Deliver(e.ctx, []string{fmt.Sprintf("%s%d@example.test", long, i)}, text("x"))
			return err
		},
		"accounts by login": func(i int) error {
			_, err := e.Mailbox(e.ctx, fmt.Sprintf("%s%d@example.test", long, i), "INBOX")
			return err
		},
		"mailboxes":     func(i int) error { return e.Create(e.ctx, user, fmt.Sprintf("%s/%d/a/b", long, i), "") },
		"subscriptions": func(i int) error { return e.Subscribe(e.ctx, user, fmt.Sprintf("%s/%d", long, i)) },
		"keywords": func(i int) error { // of several mailboxes, because each has a bound of its own
			name := fmt.Sprint("box ", i/store.MaxKeywords)
			if i%store.MaxKeywords == 0 {
				if err := e.Create(e.ctx, user, name, ""); err != nil {
					return err
				}
				if _, err := e.Append(e.ctx, e.mailbox(name).ID, []store.Incoming{text("x")}); err != nil {
					return err
				}
			}
			_, err := e.SetFlags(e.ctx, e.mailbox(name).ID, []store.UID{1}, store.Replace, []string{fmt.Sprint(long, i)})
			return err
		},
		"copies": func(int) error {
			_, _, err := e.Copy(e.ctx, e.mailbox("INBOX").ID, []store.UID{1}, e.mailbox("Archive").ID)
			return err
		},
		"small messages": func(int) error {
			_, err := e.Deliver(e.ctx, []string{user}, text("x"))
			return err
		},
	} {
		e.must(e.Reset(e.ctx))
		e.add(e.mailbox("INBOX"))
		var err error
		for i := 0; i < 200_000 && err == nil; i++ {
			err = one(i)
		}
		e.wantFull(name, err)
		if u := e.set(e.mailbox("INBOX"), store.Add, []string{store.Deleted}, 1); len(u.Entries) != 1 {
			e.Errorf("%s: then a client can't delete any more: %+v", name, u)
		}
	}
}

func fullConcurrently(e *env) {
	n := e.fill(user)
	e.must(e.Reset(e.ctx))
	var group sync.WaitGroup
	for i := range 4 {
		account := fmt.Sprintf("u%d@example.test", i)
		group.Go(func() {
			for k := range n {
				if _, err := e.Deliver(e.ctx, []string{account}, dated(k)); err != nil {
					if !errors.Is(err, store.ErrFull) {
						e.Errorf("deliver: %v", err)
					}
					box, err := e.Mailbox(e.ctx, account, "INBOX")
					if err != nil {
						continue // no room for the account
					}
					if _, err := e.Expunge(e.ctx, box.ID, []store.UID{store.UID(k / 2)}); err != nil {
						e.Errorf("expunge: %v", err)
					}
				}
			}
		})
	}
	group.Wait()
	e.must(e.Reset(e.ctx))
	if again := e.fill(user); again != n {
		e.Errorf("%d messages fit where %d did before", again, n)
	}
}

func evictsOldest(e *env) {
	const small, big = "small@example.test", "big@example.test"
	_, err := e.Deliver(e.ctx, []string{small}, dated(0)) // the oldest of all, but not of the largest account
	e.must(err)
	before := -1
	for n := 1; n < most; n++ {
		_, err := e.Deliver(e.ctx, []string{big}, dated(n))
		e.must(err)
		count := int(e.statusOf(big, "INBOX").Messages)
		if count <= before && n > before+2 {
			break
		}
		before = count
	}
	if n := e.statusOf(small, "INBOX").Messages; n != 1 {
		e.Errorf("the small account has %d messages left", n)
	}
	box, err := e.Mailbox(e.ctx, big, "INBOX")
	e.must(err)
	uids := e.entriesUIDs(box)
	for i := range uids {
		if want := uids[0] + store.UID(i); uids[i] != want || uids[0] == 1 {
			e.Fatalf("the oldest should be gone, and only they: %v", uids)
		}
	}
	if last := uids[len(uids)-1]; e.status(box).UIDNext != last+1 {
		e.Errorf("the newest, UID %d, isn't there", last)
	}
}

// sparesLocked: a POP3 session relies on the messages of its maildrop (RFC 1939 section 4).
func sparesLocked(e *env) {
	const locked, open = "locked@example.test", "open@example.test"
	for n := range 8 {
		_, err := e.Deliver(e.ctx, []string{locked}, dated(n))
		e.must(err)
	}
	lease, err := e.LockMaildrop(e.ctx, locked)
	e.must(err)
	for n := range most {
		_, err := e.Deliver(e.ctx, []string{open}, dated(100+n))
		e.must(err)
	}
	if n := e.statusOf(locked, "INBOX").Messages; n != 8 {
		e.Errorf("the locked maildrop has %d of 8 messages left", n)
	}
	e.must(e.Reset(e.ctx)) // also ends the lock's account
	e.must(lease.Release(e.ctx))

	_, err = e.OpenAccount(e.ctx, locked)
	e.must(err)
	lease, err = e.LockMaildrop(e.ctx, locked)
	e.must(err)
	for n := range most {
		if _, err = e.Deliver(e.ctx, []string{locked}, dated(n)); err != nil {
			break
		}
	}
	e.wantFull("all mail is in a locked maildrop", err)
	e.must(lease.Release(e.ctx))
	_, err = e.Deliver(e.ctx, []string{locked}, dated(most))
	e.must(err)
}

func evictTellsClients(e *env) {
	inbox := e.mailbox("INBOX")
	_, err := e.Deliver(e.ctx, []string{user}, dated(0))
	e.must(err)
	v := e.open(inbox, false)
	for n := 1; slices.Contains(e.entriesUIDs(inbox), 1); n++ {
		if n == most {
			e.Fatal("nothing is evicted")
		}
		_, err := e.Deliver(e.ctx, []string{user}, dated(n))
		e.must(err)
	}
	changes, err := v.Sync(e.ctx, true)
	e.must(err)
	for _, c := range changes {
		if c.Expunged != 0 {
			return
		}
	}
	e.Errorf("the client hears of no EXPUNGE: %+v", changes)
}

func tooLargeForEver(e *env) {
	inbox := e.inbox(3)
	in := text(strings.Repeat("x", 1<<20))
	list := slices.Repeat([]store.Incoming{in}, 64)
	_, err := e.Append(e.ctx, inbox.ID, list)
	if err == nil {
		e.Skip("the store has room for 64 MiB")
	}
	e.wantFull("64 MiB in one command", err)
	if n := e.status(inbox).Messages; n > 3 {
		e.Errorf("%d messages; some of the refused ones are there", n)
	}
}

func evictConcurrently(e *env) {
	var group sync.WaitGroup
	for i := range 4 {
		account := fmt.Sprintf("u%d@example.test", i)
		group.Go(func() {
			for n := range 200 {
				if _, err := e.Deliver(e.ctx, []string{account, user}, dated(n)); err != nil {
					e.Errorf("deliver: %v", err)
				}
				if n%50 == 0 {
					if lease, err := e.LockMaildrop(e.ctx, account); err == nil {
						e.must(lease.Release(e.ctx))
					}
				}
			}
		})
	}
	group.Wait()
	if n := e.all(); n < 8 {
		e.Errorf("only %d messages are left", n)
	}
}
