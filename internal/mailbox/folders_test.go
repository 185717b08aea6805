package mailbox

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func list(a *Account) []string {
	var lines []string
	for _, i := range a.List() {
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

// bare is an account with nothing but INBOX.
func bare(t *testing.T) *Account {
	t.Helper()
	a := New(Options{}).Account("u")
	for _, f := range newFolders {
		if f.name != inboxName {
			if err := errors.Join(a.Delete(f.name), a.Unsubscribe(f.name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return a
}

func create(t *testing.T, a *Account, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := a.Create(name, ""); err != nil {
			t.Fatal(err)
		}
	}
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestNewAccount(t *testing.T) {
	t.Parallel()
	a := New(Options{}).Account("u")
	wantLines(t, "list", list(a),
		`INBOX subscribed`,
		`Archive \Archive subscribed`,
		`Drafts \Drafts subscribed`,
		`Junk \Junk subscribed`,
		`Sent \Sent subscribed`,
		`Trash \Trash subscribed`)
	if mustBox(t, a, "iNbOx") != mustBox(t, a, "INBOX") {
		t.Error("INBOX depends on case")
	}
	if _, err := a.Mailbox("drafts"); !errors.Is(err, ErrNoMailbox) {
		t.Errorf("drafts: %v", err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	a := bare(t)
	for _, name := range []string{
		"", "/", "//", "/a", "a//b", "a//", "a*", "%", "a\x00b", "a\r\nb", "a\u0085b", "a\u2028b",
		"\xff", strings.Repeat("x", 501),
	} {
		wantErr(t, "Create "+name, a.Create(name, ""), ErrBadName)
		wantErr(t, "Subscribe "+name, a.Subscribe(name), ErrBadName)
		wantErr(t, "Rename "+name, a.Rename("INBOX", name), ErrBadName)
	}
	for _, name := range []string{"a", "a b", `q"\`, "Entwürfe", "日本語", "&Jjo-", strings.Repeat("x", 500), "inbox/Sub", "..", "c/"} {
		if err := a.Create(name, ""); err != nil {
			t.Errorf("Create(%q): %v", name, err)
		}
	}
	mustBox(t, a, "Inbox/Sub")
	mustBox(t, a, "c")
	wantErr(t, "again", a.Create("INBOX/Sub", ""), ErrExists)
	wantErr(t, "inbox", a.Create("inbox", ""), ErrExists)
	wantErr(t, "use", a.Create("x", `\Nonsense`), ErrSpecialUse)
	wantErr(t, "use of INBOX", a.Create("x", " "), ErrSpecialUse)
	if err := a.Create("Spam", `\junk`); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(list(a), `Spam \Junk`) {
		t.Errorf("list: %q", list(a))
	}
}

func TestListOrder(t *testing.T) {
	t.Parallel()
	a := bare(t)
	create(t, a, "a-b", "a/b/c", "Z", "INBOX/x")
	if err := a.Subscribe("a b/later"); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "list", list(a), "INBOX children subscribed", "INBOX/x", "Z",
		"a children", "a/b children", "a/b/c", "a b/later nonexistent subscribed", "a-b")
}

func TestDelete(t *testing.T) {
	t.Parallel()
	a := bare(t)
	create(t, a, "a/b")
	b := mustBox(t, a, "a")
	mustAppend(t, b)
	before := b.Status().UIDValidity
	v := b.Open(false)
	defer v.Close()
	if err := errors.Join(a.Subscribe("a"), a.Delete("a")); err != nil {
		t.Fatal(err)
	}
	if !hasToken(v.Changed()) {
		t.Error("no token for the open view")
	}
	wantLines(t, "view", show(v.Sync(true)), "1 EXPUNGE")
	wantLines(t, "parent only", list(a), "INBOX subscribed", "a nonexistent children subscribed", "a/b")
	_, err := a.Mailbox("a")
	wantErr(t, "select", err, ErrNotSelectable)
	wantErr(t, "again", a.Delete("a"), ErrNotSelectable)
	_, err = b.Append(testMessage("x"), nil, time.Time{})
	wantErr(t, "append", err, ErrNoMailbox)
	wantErr(t, "none", a.Delete("x"), ErrNoMailbox)
	wantErr(t, "inbox", a.Delete("inbox"), ErrInbox)

	create(t, a, "a")
	if after := mustBox(t, a, "a").Status(); after.UIDValidity <= before || after.UIDNext != 1 {
		t.Errorf("made again: %+v, UIDVALIDITY was %d", after, before)
	}
	if err := errors.Join(a.Delete("a"), a.Delete("a/b")); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "subscription survives", list(a), "INBOX subscribed", "a nonexistent subscribed")
	if err := a.Unsubscribe("a"); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "vanished", list(a), "INBOX subscribed")
}

func TestRename(t *testing.T) {
	t.Parallel()
	a := bare(t)
	create(t, a, "a/b/c", "ab", "x/y")
	if err := a.Create("s", `\Sent`); err != nil {
		t.Fatal(err)
	}
	b := mustBox(t, a, "a/b")
	mustAppend(t, b)
	before := b.Status().UIDValidity
	wantErr(t, "none", a.Rename("none", "n"), ErrNoMailbox)
	wantErr(t, "taken", a.Rename("a", "ab"), ErrExists)
	wantErr(t, "INBOX", a.Rename("a", "inbox"), ErrExists)
	wantErr(t, "itself", a.Rename("a", "a"), ErrExists)
	wantErr(t, "below itself", a.Rename("a", "a/n"), ErrBadName)
	wantErr(t, "long child", a.Rename("a", strings.Repeat("n", 499)), ErrBadName)
	if err := errors.Join(a.Rename("a", "p/q"), a.Rename("s", "t")); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "list", list(a), "INBOX subscribed", "ab", "p children", "p/q children", "p/q/b children",
		"p/q/b/c", `t \Sent`, "x children", "x/y")
	if st := b.Status(); b.Name() != "p/q/b" || st.UIDValidity != before || st.Messages != 1 || mustBox(t, a, "p/q/b") != b {
		t.Errorf("%s: %+v", b.Name(), st)
	}

	// The new name may be a mere parent, and its children may collide.
	if err := a.Delete("x"); err != nil {
		t.Fatal(err)
	}
	create(t, a, "z/y")
	wantErr(t, "child taken", a.Rename("z", "x"), ErrExists)
	if err := errors.Join(a.Delete("z/y"), a.Rename("z", "x")); err != nil {
		t.Fatal(err)
	}
	// A mere parent moves its children.
	create(t, a, "m/m/m")
	if err := errors.Join(a.Delete("m"), a.Rename("m/m", "m"), a.Delete("m"), a.Rename("m", "n")); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "list", list(a), "INBOX subscribed", "ab", "n nonexistent children", "n/m", "p children", "p/q children",
		"p/q/b children", "p/q/b/c", `t \Sent`, "x children", "x/y")
}

func TestRenameInbox(t *testing.T) {
	t.Parallel()
	a, inbox := newInbox(t, 2)
	create(t, a, "INBOX/sub")
	v := inbox.Open(false)
	defer v.Close()
	mustStore(t, v, []UID{2}, Add, Seen, "kw")
	before := inbox.Status()
	if err := a.Rename("Inbox", "old/mail"); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "view", show(v.Sync(true)), "1 EXPUNGE", "1 EXPUNGE", `FLAGS [\Answered \Deleted \Draft \Flagged \Seen kw]`)
	if mustBox(t, a, "INBOX") != inbox || inbox.Status().Messages != 0 || inbox.Status().UIDValidity != before.UIDValidity {
		t.Errorf("INBOX: %+v", inbox.Status())
	}
	e := mustBox(t, a, "old/mail").Entries()
	if len(e) != 2 || !e[1].Has(Seen) || !e[1].Has("kw") {
		t.Errorf("old/mail: %+v", e)
	}
	mustBox(t, a, "INBOX/sub")
	if uid := mustAppend(t, inbox); uid != before.UIDNext {
		t.Errorf("next UID in INBOX is %d, want %d", uid, before.UIDNext)
	}
}

func TestMaildropLock(t *testing.T) {
	t.Parallel()
	a := New(Options{}).Account("u")
	unlock, err := a.LockMaildrop()
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.LockMaildrop()
	wantErr(t, "second", err, ErrInUse)
	unlock()
	unlock2, err := a.LockMaildrop()
	if err != nil {
		t.Fatal(err)
	}
	unlock() // must not release the other's
	_, err = a.LockMaildrop()
	wantErr(t, "third", err, ErrInUse)
	unlock2()
}
