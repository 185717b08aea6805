// Package storetest is the test suite that every store.Store must pass:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t testing.TB) store.Store { return memory.New(memory.Options{}) })
//	}
//
// It checks only what the interface promises. A store whose notifications arrive late passes too: where a test awaits a
// token, it waits up to 20 s.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/view"
)

// patience is how long a token may take.
const patience = 20 * time.Second

// RunSome is Run for some of the tests: for a store that has passed all of them, in a setting in which it must work too.
func RunSome(t *testing.T, open func(t testing.TB) store.Store, names ...string) {
	for _, name := range names {
		test := tests()[name]
		if test == nil {
			t.Errorf("there is no test %q", name)
			continue
		}
		run(t, name, test, open)
	}
}

// Run runs the suite. open returns an empty store that appends "example.test" to names and accepts messages of at least
// 1 MiB. It is called once for each test, and registers whatever must be closed with t.Cleanup.
func Run(t *testing.T, open func(t testing.TB) store.Store) {
	for name, test := range tests() {
		run(t, name, test, open)
	}
}

func run(t *testing.T, name string, test func(*env), open func(t testing.TB) store.Store) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		test(&env{T: t, Store: open(t), ctx: t.Context()})
	})
}

func tests() map[string]func(*env) {
	return map[string]func(*env){
		"Addresses":            addresses,
		"NewAccount":           newAccount,
		"Names":                names,
		"ListOrder":            listOrder,
		"Delete":               deletion,
		"Rename":               rename,
		"RenameInbox":          renameInbox,
		"Arrange":              arrange,
		"MaildropLock":         maildropLock,
		"Reset":                reset,
		"Deliver":              deliver,
		"Append":               appending,
		"Blobs":                blobs,
		"ValuesStay":           valuesStay,
		"Flags":                flags,
		"Keywords":             keywords,
		"Expunge":              expunge,
		"CopyAndMove":          copyAndMove,
		"MoveOnce":             moveOnce,
		"Recent":               recent,
		"Changes":              changes,
		"LongHistory":          longHistory,
		"NoMailbox":            noMailbox,
		"ContextEnds":          contextEnds,
		"Watch":                watchMailbox,
		"ArrivalsAreNeverLost": arrivals,
		"TokensAreNeverLost":   tokens,
		"ClientsAgree":         clientsAgree,
		"FoldersConcurrently":  foldersConcurrently,
		"DeliverConcurrently":  deliverConcurrently,
		"Numbered":             numbered,
		"NumbersInOrder":       numbersInOrder,
	}
}

// env is what a test works with. Its methods fail the test instead of returning errors.
type env struct {
	*testing.T
	store.Store
	ctx context.Context
}

const user = "u@example.test"

func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

func (e *env) wantErr(what string, err, want error) {
	e.Helper()
	if !errors.Is(err, want) {
		e.Errorf("%s: %v, want %v", what, err, want)
	}
}

func (e *env) wantLines(what string, got []string, want ...string) {
	e.Helper()
	if !slices.Equal(got, want) {
		e.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func (e *env) wantUIDs(what string, got []store.UID, want ...store.UID) {
	e.Helper()
	if !slices.Equal(got, want) {
		e.Errorf("%s: %v, want %v", what, got, want)
	}
}

func (e *env) mailbox(name string) store.Mailbox {
	e.Helper()
	box, err := e.Mailbox(e.ctx, user, name)
	e.must(err)
	return box
}

func text(s string) store.Incoming {
	return store.Incoming{Content: store.Bytes(s), Received: time.Unix(1_700_000_000, 0)}
}

// add appends one small message.
func (e *env) add(box store.Mailbox, flags ...string) store.UID {
	e.Helper()
	in := text("Subject: x\r\n\r\nx\r\n")
	in.Flags = flags
	uids, err := e.Append(e.ctx, box.ID, []store.Incoming{in})
	e.must(err)
	if len(uids) != 1 {
		e.Fatalf("one message got the UIDs %v", uids)
	}
	return uids[0]
}

// inbox returns the user's INBOX after adding n messages, with UIDs 1 to n.
func (e *env) inbox(n int) store.Mailbox {
	e.Helper()
	box := e.mailbox("INBOX")
	for range n {
		e.add(box)
	}
	return box
}

func (e *env) status(box store.Mailbox) store.Status {
	e.Helper()
	st, err := e.Status(e.ctx, box.ID)
	e.must(err)
	return st
}

func (e *env) entries(box store.Mailbox) []store.Entry {
	e.Helper()
	list, err := e.Entries(e.ctx, box.ID, nil)
	e.must(err)
	return list
}

func (e *env) set(box store.Mailbox, op store.Op, flags []string, uids ...store.UID) store.Update {
	e.Helper()
	u, err := e.SetFlags(e.ctx, box.ID, uids, op, flags)
	e.must(err)
	return u
}

func (e *env) open(box store.Mailbox, readOnly bool) *view.View {
	e.Helper()
	v, err := view.Open(e.ctx, e.Store, box, readOnly)
	e.must(err)
	e.Cleanup(v.Close)
	return v
}

// awaitToken fails the test if no token comes.
func (e *env) awaitToken(what string, c <-chan struct{}) {
	e.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		e.Fatalf("%s: no token", what)
	}
}

// list returns an account's folders as text.
func (e *env) list() []string {
	e.Helper()
	infos, err := e.List(e.ctx, user)
	e.must(err)
	var lines []string
	for _, i := range infos {
		line := i.Name
		if i.SpecialUse != "" {
			line += " " + i.SpecialUse
		}
		if !i.Exists {
			line += " nonexistent"
		}
		if i.HasChildren {
			line += " children"
		}
		if i.Subscribed {
			line += " subscribed"
		}
		lines = append(lines, line)
	}
	return lines
}

// bare removes all folders except INBOX.
func (e *env) bare() {
	e.Helper()
	for _, f := range store.NewFolders() {
		if f.Name != store.Inbox {
			e.must(e.Delete(e.ctx, user, f.Name))
			e.must(e.Unsubscribe(e.ctx, user, f.Name))
		}
	}
}

func (e *env) create(names ...string) {
	e.Helper()
	for _, name := range names {
		e.must(e.Create(e.ctx, user, name, ""))
	}
}

func flagsOf(list []store.Entry) (lines []string) {
	for i := range list {
		lines = append(lines, fmt.Sprint(list[i].UID, list[i].Flags))
	}
	return lines
}
