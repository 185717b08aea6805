package mailbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	s := New(Options{Domain: "Mail.Example.TEST"})
	for name, want := range map[string]string{
		"joe":                    "joe@mail.example.test",
		"Joe":                    "Joe@mail.example.test",
		"Joe@EXAMPLE.org":        "Joe@example.org",
		`"a@B"@Example.ORG`:      `"a@B"@example.org`,
		"joe@already.lower":      "joe@already.lower",
		"joe@[IPv6:2001:DB8::1]": "joe@[ipv6:2001:db8::1]",
	} {
		if got := s.Address(name); got != want {
			t.Errorf("Address(%q) = %q, want %q", name, got, want)
		}
	}
	if s.Account("joe") != s.Account("joe@MAIL.example.test") {
		t.Error("one user has two accounts")
	}
	if _, ok := s.Lookup("nobody"); ok {
		t.Error("Lookup made an account")
	}
	s.Account("abe")
	wantLines(t, "accounts", s.Accounts(), "abe@mail.example.test", "joe@mail.example.test")
}

func TestDeliverAndWatch(t *testing.T) {
	t.Parallel()
	s := New(Options{MaxMessageBytes: 10})
	watch, stop := s.Watch()
	defer stop()
	uid, err := s.Deliver("new", testMessage("0123456789"))
	if err != nil || uid != 1 {
		t.Fatalf("Deliver = %d, %v", uid, err)
	}
	if !hasToken(watch) {
		t.Error("no token after a delivery")
	}
	if _, err := s.Deliver("new", testMessage("0123456789+")); !errors.Is(err, ErrTooBig) {
		t.Errorf("too big: %v", err)
	}
	if hasToken(watch) {
		t.Error("token without a delivery")
	}
	stop()
	if _, err := s.Deliver("new", testMessage("x")); err != nil {
		t.Fatal(err)
	}
	if hasToken(watch) {
		t.Error("token after stop")
	}
}

// Each waiter waits for a mailbox of its own to fill, with nothing but tokens to wake
// it: if one were lost the test would hang until the deadline.
func TestWatchLosesNothing(t *testing.T) {
	t.Parallel()
	const waiters, messages = 8, 200
	s := New(Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var group sync.WaitGroup
	for w := range waiters {
		name := fmt.Sprint("user", w)
		group.Go(func() {
			watch, stop := s.Watch()
			defer stop()
			for {
				inbox, err := s.Account(name).Mailbox("INBOX")
				if err != nil {
					t.Error(err)
					return
				}
				if inbox.Status().Messages == messages {
					return
				}
				select {
				case <-watch:
				case <-ctx.Done():
					t.Error("the last token was lost")
					return
				}
			}
		})
		group.Go(func() {
			for range messages {
				if _, err := s.Deliver(name, testMessage("x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

func TestReset(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	a := s.Account("u")
	b := mustBox(t, a, "INBOX")
	old := b.Status().UIDValidity
	mustAppend(t, b)
	v := b.Open(false)
	defer v.Close()
	s.Reset()
	if n := len(s.Accounts()); n != 0 {
		t.Errorf("%d accounts left", n)
	}
	if !hasToken(v.Changed()) {
		t.Error("no token for an open view")
	}
	wantLines(t, "view", show(v.Sync(true)), "1 EXPUNGE")
	if _, err := b.Append(testMessage("x"), nil, time.Time{}); !errors.Is(err, ErrNoMailbox) {
		t.Errorf("Append to a mailbox that is gone: %v", err)
	}
	// The session that still holds the account and the next delivery must meet.
	if _, err := s.Deliver("u", testMessage("x")); err != nil {
		t.Fatal(err)
	}
	now := mustBox(t, a, "INBOX").Status()
	if now.Messages != 1 || now.UIDValidity <= old {
		t.Errorf("after Reset: %+v, UIDVALIDITY was %d", now, old)
	}
	if len(a.List()) != 6 {
		t.Errorf("List after Reset: %v", a.List())
	}
}

func TestMessage(t *testing.T) {
	t.Parallel()
	m, other := testMessage("abc"), testMessage("abc")
	if m.ID() == other.ID() || m.ID() == "" || strings.Trim(m.ID(), "abcdefghijklmnopqrstuvwxyz234567") != "" {
		t.Errorf("IDs %q, %q", m.ID(), other.ID())
	}
	if string(m.Raw()) != "abc" || m.Size() != 3 || m.Received().IsZero() {
		t.Errorf("message: %q %d %v", m.Raw(), m.Size(), m.Received())
	}
	var made sync.Map
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			got := m.Memo("k", func() any {
				made.Store(i, true)
				return m.Memo("inner", func() any { return new(int) })
			})
			if got != m.Memo("k", nil) || got != m.Memo("inner", nil) {
				t.Error("two values for one key")
			}
		})
	}
	group.Wait()
	n := 0
	made.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("made %d times", n)
	}
}

func TestSeed(t *testing.T) {
	t.Parallel()
	date := time.Date(2020, 2, 29, 12, 0, 0, 0, time.UTC)
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s), ModTime: date} }
	dir := fstest.MapFS{
		"README.txt":                       file("no message"),
		".git/INBOX/x.eml":                 file("hidden"),
		"ann@Example.ORG/INBOX/2.eml":      file("two"),
		"ann@Example.ORG/INBOX/1.EML":      file("\x00\xff bare\n"),
		"ann@Example.ORG/INBOX/notes.txt":  file("no message"),
		"ann@Example.ORG/inbox/deep/a.eml": file("deep"),
		"ann@Example.ORG/Work/2024/a.eml":  {Data: []byte("undated")},
		"bob/Empty/.keep":                  file(""),
	}
	now := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	s := New(Options{Now: func() time.Time { return now }})
	n, err := s.Seed(dir)
	if err != nil || n != 4 {
		t.Fatalf("Seed = %d, %v", n, err)
	}
	wantLines(t, "accounts", s.Accounts(), "ann@example.org", "bob@example.test")
	ann := s.Account("ann@example.org")
	entries := mustBox(t, ann, "INBOX").Entries()
	if len(entries) != 2 || !bytes.Equal(entries[0].Message.Raw(), []byte("\x00\xff bare\n")) ||
		entries[1].UID != 2 || !entries[0].Date.Equal(date) || entries[0].Flags != nil {
		t.Errorf("INBOX: %+v", entries)
	}
	if st := mustBox(t, ann, "INBOX/deep").Status(); st.Messages != 1 {
		t.Errorf("INBOX/deep: %+v", st)
	}
	if e := mustBox(t, ann, "Work/2024").Entries(); len(e) != 1 || !e[0].Date.Equal(now) {
		t.Errorf("Work/2024: %+v", e)
	}
	mustBox(t, s.Account("bob"), "Empty")

	for name, want := range map[string]error{
		"stray.eml":         nil,
		"ann/stray.eml":     nil,
		"ann/a*b/1.eml":     ErrBadName,
		"ann/INBOX/big.eml": ErrTooBig,
	} {
		s := New(Options{MaxMessageBytes: 4})
		_, err := s.Seed(fstest.MapFS{name: file("12345")})
		if err == nil || want != nil && !errors.Is(err, want) ||
			!strings.Contains(err.Error(), name) && !strings.Contains(err.Error(), "a*b") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAccountConcurrently(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	accounts := make([]*Account, 16)
	var group sync.WaitGroup
	for i := range accounts {
		group.Go(func() { accounts[i] = s.Account("u") })
	}
	group.Wait()
	if len(slices.Compact(accounts)) != 1 {
		t.Error("one name, several accounts")
	}
}
