package storetest

import (
	"errors"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/store"
)

func addresses(e *env) {
	for name, want := range map[string]string{
		"joe":                    "joe@example.test",
		"Joe":                    "Joe@example.test",
		"Joe@EXAMPLE.org":        "Joe@example.org",
		`"a@B"@Example.ORG`:      `"a@B"@example.org`,
		`"joe"@Example.ORG`:      "joe@example.org",
		`"joe \b"@Example.ORG`:   `"joe b"@example.org`,
		`joe b`:                  `"joe b"@example.test`,
		`"a@B"`:                  `"a@B"@example.test`,
		`a"b\c@x`:                `"a\"b\\c"@x`,
		`"a\"b\\c"@x`:            `"a\"b\\c"@x`,
		"joe@already.lower":      "joe@already.lower",
		"joe@[IPv6:2001:DB8::1]": "joe@[ipv6:2001:db8::1]",
	} {
		if got := e.Address(name); got != want {
			e.Errorf("Address(%q) = %q, want %q", name, got, want)
		}
	}
	if ok, err := e.HasAccount(e.ctx, "joe"); ok || err != nil {
		e.Errorf("HasAccount of nobody: %v, %v", ok, err)
	}
	if all, err := e.ListAccounts(e.ctx); len(all) != 0 || err != nil {
		e.Errorf("HasAccount has made %v; %v", all, err)
	}
	for _, name := range []string{"joe", "joe@EXAMPLE.test", "abe"} {
		if address, err := e.OpenAccount(e.ctx, name); err != nil || address != e.Address(name) {
			e.Errorf("OpenAccount(%q) = %q, %v", name, address, err)
		}
	}
	all, err := e.ListAccounts(e.ctx)
	e.must(err)
	e.wantLines("accounts", all, "abe@example.test", "joe@example.test")
	if ok, err := e.HasAccount(e.ctx, "JOE@example.test"); ok || err != nil {
		e.Errorf("the local part depends on no case: %v, %v", ok, err)
	}
	if ok, err := e.HasAccount(e.ctx, "joe@EXAMPLE.test"); !ok || err != nil {
		e.Errorf("HasAccount: %v, %v", ok, err)
	}
}

func newAccount(e *env) {
	e.wantLines("list", e.list(),
		`INBOX subscribed`,
		`Archive \Archive subscribed`,
		`Drafts \Drafts subscribed`,
		`Junk \Junk subscribed`,
		`Sent \Sent subscribed`,
		`Trash \Trash subscribed`)
	if e.mailbox("iNbOx").ID != e.mailbox("INBOX").ID {
		e.Error("INBOX depends on case")
	}
	_, err := e.Mailbox(e.ctx, user, "drafts")
	e.wantErr("drafts", err, store.ErrNoMailbox)
	other, err := e.Mailbox(e.ctx, "other", "INBOX")
	e.must(err)
	box := e.mailbox("INBOX")
	if box.Account != user || box.Name != "INBOX" || box.ID == 0 || box.ID == other.ID || box.UIDValidity == other.UIDValidity {
		e.Errorf("mailboxes %+v, %+v", box, other)
	}
}

func names(e *env) {
	e.bare()
	for _, name := range []string{
		"", "/", "//", "/a", "a//b", "a//", "a*", "a\x00b", "a\r\nb", "a\u0085b", "a\u2028b",
		"\xff", strings.Repeat("x", 501),
	} {
		e.wantErr("Create "+name, e.Create(e.ctx, user, name, ""), store.ErrBadName)
		e.wantErr("Subscribe "+name, e.Subscribe(e.ctx, user, name), store.ErrBadName)
		e.wantErr("Rename "+name, e.Rename(e.ctx, user, "INBOX", name), store.ErrBadName)
	}
	for _, name := range []string{"a", "a b", `q"\`, "Entwürfe", "日本語", "&Jjo-", strings.Repeat("x", 500), "inbox/Sub", "..", "c/"} {
		if err := e.Create(e.ctx, user, name, ""); err != nil {
			e.Errorf("Create(%q): %v", name, err)
		}
	}
	e.mailbox("Inbox/Sub")
	e.mailbox("c")
	e.wantErr("again", e.Create(e.ctx, user, "INBOX/Sub", ""), store.ErrExists)
	e.wantErr("inbox", e.Create(e.ctx, user, "inbox", ""), store.ErrExists)
	e.wantErr("use", e.Create(e.ctx, user, "x", `\Nonsense`), store.ErrSpecialUse)
	e.wantErr("use of INBOX", e.Create(e.ctx, user, "x", " "), store.ErrSpecialUse)
	e.must(e.Create(e.ctx, user, "Spam", `\junk`))
	if !slices.Contains(e.list(), `Spam \Junk`) {
		e.Errorf("list: %q", e.list())
	}
}

func listOrder(e *env) {
	e.bare()
	e.create("a-b", "a/b/c", "Z", "INBOX/x")
	e.must(e.Subscribe(e.ctx, user, "a b/later"))
	e.must(e.Unsubscribe(e.ctx, user, "never"))
	e.wantLines("list", e.list(), "INBOX children subscribed", "INBOX/x", "Z",
		"a children", "a/b children", "a/b/c", "a b/later nonexistent subscribed", "a-b")
}

func deletion(e *env) {
	e.bare()
	e.create("a/b")
	b := e.mailbox("a")
	e.add(b)
	v := e.open(b, false)
	e.must(e.Subscribe(e.ctx, user, "a"))
	e.must(e.Delete(e.ctx, user, "a"))
	e.awaitToken("the open view", v.Changed())
	e.wantLines("view", e.sync(v, false))
	e.wantLines("view", e.sync(v, true), "1 EXPUNGE")
	e.wantLines("view", e.sync(v, true))
	if items, err := v.All(e.ctx); len(items) != 0 || err != nil {
		e.Errorf("items of a deleted mailbox: %v, %v", items, err)
	}
	e.wantLines("parent only", e.list(), "INBOX subscribed", "a nonexistent children subscribed", "a/b")
	_, err := e.Mailbox(e.ctx, user, "a")
	e.wantErr("select", err, store.ErrNotSelectable)
	e.wantErr("again", e.Delete(e.ctx, user, "a"), store.ErrNotSelectable)
	e.wantErr("none", e.Delete(e.ctx, user, "x"), store.ErrNoMailbox)
	e.wantErr("inbox", e.Delete(e.ctx, user, "inbox"), store.ErrInbox)

	e.create("a")
	if again := e.mailbox("a"); again.ID == b.ID || again.UIDValidity <= b.UIDValidity || e.status(again).UIDNext != 1 {
		e.Errorf("made again: %+v, was %+v", again, b)
	}
	e.must(errors.Join(e.Delete(e.ctx, user, "a"), e.Delete(e.ctx, user, "a/b")))
	e.wantLines("subscription survives", e.list(), "INBOX subscribed", "a nonexistent subscribed")
	e.must(e.Unsubscribe(e.ctx, user, "a"))
	e.wantLines("vanished", e.list(), "INBOX subscribed")
}

func rename(e *env) {
	move := func(old, new string) error { return e.Rename(e.ctx, user, old, new) }
	e.bare()
	e.create("a/b/c", "ab", "x/y")
	e.must(e.Create(e.ctx, user, "s", `\Sent`))
	b := e.mailbox("a/b")
	e.add(b)
	e.wantErr("none", move("none", "n"), store.ErrNoMailbox)
	e.wantErr("taken", move("a", "ab"), store.ErrExists)
	e.wantErr("INBOX", move("a", "inbox"), store.ErrExists)
	e.wantErr("itself", move("a", "a"), store.ErrExists)
	e.wantErr("below itself", move("a", "a/n"), store.ErrBadName)
	e.wantErr("long child", move("a", strings.Repeat("n", 499)), store.ErrBadName)
	e.must(errors.Join(move("a", "p/q"), move("s", "t")))
	e.wantLines("list", e.list(), "INBOX subscribed", "ab", "p children", "p/q children", "p/q/b children",
		"p/q/b/c", `t \Sent`, "x children", "x/y")
	if now := e.mailbox("p/q/b"); now.ID != b.ID || now.UIDValidity != b.UIDValidity || e.status(b).Messages != 1 {
		e.Errorf("renamed: %+v, was %+v", now, b)
	}

	// The new name may exist only as a parent, and its children may collide.
	e.must(e.Delete(e.ctx, user, "x"))
	e.create("z/y")
	e.wantErr("child taken", move("z", "x"), store.ErrExists)
	e.must(errors.Join(e.Delete(e.ctx, user, "z/y"), move("z", "x")))
	// A name that is only a parent takes its children along.
	e.create("m/m/m")
	e.must(errors.Join(e.Delete(e.ctx, user, "m"), move("m/m", "m"), e.Delete(e.ctx, user, "m"), move("m", "n")))
	e.wantLines("list", e.list(), "INBOX subscribed", "ab", "n nonexistent children", "n/m", "p children", "p/q children",
		"p/q/b children", "p/q/b/c", `t \Sent`, "x children", "x/y")
}

func renameInbox(e *env) {
	inbox := e.inbox(2)
	e.create("INBOX/sub")
	e.set(inbox, store.Add, []string{store.Seen, "kw"}, 2)
	v := e.open(inbox, false)
	before := e.status(inbox)
	e.must(e.Rename(e.ctx, user, "Inbox", "old/mail"))
	e.wantLines("view", e.sync(v, true), "1 EXPUNGE", "1 EXPUNGE")
	if now := e.mailbox("INBOX"); now.ID != inbox.ID || now.UIDValidity != inbox.UIDValidity || e.status(now).Messages != 0 {
		e.Errorf("INBOX: %+v", now)
	}
	old := e.entries(e.mailbox("old/mail"))
	if len(old) != 2 || !old[1].Has(store.Seen) || !old[1].Has("kw") {
		e.Errorf("old/mail: %+v", old)
	}
	e.mailbox("INBOX/sub")
	if uid := e.add(inbox); uid != before.UIDNext {
		e.Errorf("next UID in INBOX is %d, want %d", uid, before.UIDNext)
	}
}

func arrange(e *env) {
	e.add(e.mailbox("Junk"))
	for range 2 { // a second login changes nothing
		e.must(e.Arrange(e.ctx, user, []store.Folder{
			{Name: "[Gmail]/Sent Mail", SpecialUse: `\Sent`}, {Name: "[Gmail]/All Mail", SpecialUse: `\All`},
			{Name: "Drafts"}, {Name: "bad*name"}, {Name: "INBOX"},
		}))
		e.wantLines("list", e.list(),
			"INBOX subscribed",
			"Drafts subscribed",
			`Junk \Junk subscribed`, // it holds mail
			"[Gmail] nonexistent children",
			`[Gmail]/All Mail \All subscribed`,
			`[Gmail]/Sent Mail \Sent subscribed`)
	}
}

func maildropLock(e *env) {
	lease, err := e.LockMaildrop(e.ctx, user)
	e.must(err)
	_, err = e.LockMaildrop(e.ctx, "U@EXAMPLE.TEST")
	e.must(err) // another user: the local part is case-sensitive
	_, err = e.LockMaildrop(e.ctx, "u")
	e.wantErr("second", err, store.ErrInUse)
	e.must(lease.Renew(e.ctx))
	e.must(lease.Release(e.ctx))
	e.wantErr("renewed after its end", lease.Renew(e.ctx), store.ErrLeaseLost)
	second, err := e.LockMaildrop(e.ctx, user)
	e.must(err)
	e.must(lease.Release(e.ctx)) // must not release the other session's lock
	_, err = e.LockMaildrop(e.ctx, user)
	e.wantErr("third", err, store.ErrInUse)
	e.add(e.mailbox("INBOX")) // the lock keeps out only POP3
	e.must(second.Release(e.ctx))
}

func reset(e *env) {
	b := e.inbox(1)
	v := e.open(b, false)
	e.must(e.Store.Reset(e.ctx))
	if all, err := e.ListAccounts(e.ctx); len(all) != 0 || err != nil {
		e.Errorf("accounts left: %v, %v", all, err)
	}
	e.awaitToken("an open view", v.Changed())
	e.wantLines("view", e.sync(v, true), "1 EXPUNGE")
	_, err := e.Append(e.ctx, b.ID, []store.Incoming{text("x")})
	e.wantErr("Append to a mailbox that is gone", err, store.ErrNoMailbox)
	// The session that still knows the account's name must see the next delivery.
	_, err = e.Deliver(e.ctx, []string{user}, text("x"))
	e.must(err)
	if now := e.mailbox("INBOX"); e.status(now).Messages != 1 || now.ID == b.ID || now.UIDValidity <= b.UIDValidity {
		e.Errorf("after Reset: %+v, was %+v", now, b)
	}
	if l := e.list(); len(l) != 6 {
		e.Errorf("List after Reset: %v", l)
	}
}
