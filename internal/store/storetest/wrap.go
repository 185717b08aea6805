package storetest

import (
	"context"
	"crypto/sha256"

	"github.com/mailrig/mailrig/internal/store"
)

// Around is called in place of every call to a store. call is the method's name. do carries out the call. The method
// returns the error that Around returns.
type Around func(ctx context.Context, call string, do func() error) error

// Wrap returns a store that makes every call through around. A test can then let a call fail, before or after it is
// carried out, or take long. Messages and leases are wrapped too. The calls that read a message are named "Open" and
// "Read"; those of a lease are "Renew" and "Release". Wrapped messages offer none of the shortcuts that memory has
// (store.Whole, store.Memo).
func Wrap(st store.Store, around Around) store.Store { return &wrapped{st, around} }

// Retry wraps a store so that a call is repeated as long as the store is unavailable.
func Retry(st store.Store) store.Store {
	return Wrap(st, func(ctx context.Context, _ string, do func() error) error {
		for {
			err := do()
			if !store.Unavailable(err) {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	})
}

type wrapped struct {
	store  store.Store
	around Around
}

// call makes one call that has a result. A call that fails has none.
func call[T any](w *wrapped, ctx context.Context, name string, do func() (T, error)) (T, error) {
	var result T
	err := w.around(ctx, name, func() (err error) {
		result, err = do()
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return result, nil
}

func (w *wrapped) Address(name string) string { return w.store.Address(name) }

func (w *wrapped) OpenAccount(ctx context.Context, name string) (string, error) {
	return call(w, ctx, "OpenAccount", func() (string, error) { return w.store.OpenAccount(ctx, name) })
}

func (w *wrapped) HasAccount(ctx context.Context, name string) (bool, error) {
	return call(w, ctx, "HasAccount", func() (bool, error) { return w.store.HasAccount(ctx, name) })
}

func (w *wrapped) ListAccounts(ctx context.Context) ([]string, error) {
	return call(w, ctx, "ListAccounts", func() ([]string, error) { return w.store.ListAccounts(ctx) })
}

func (w *wrapped) LockMaildrop(ctx context.Context, account string) (store.Lease, error) {
	l, err := call(w, ctx, "LockMaildrop", func() (store.Lease, error) { return w.store.LockMaildrop(ctx, account) })
	if err != nil {
		return nil, err
	}
	return &lease{l, w}, nil
}

func (w *wrapped) Reset(ctx context.Context) error {
	return w.around(ctx, "Reset", func() error { return w.store.Reset(ctx) })
}

func (w *wrapped) Mailbox(ctx context.Context, account, name string) (store.Mailbox, error) {
	return call(w, ctx, "Mailbox", func() (store.Mailbox, error) { return w.store.Mailbox(ctx, account, name) })
}

func (w *wrapped) List(ctx context.Context, account string) ([]store.Info, error) {
	return call(w, ctx, "List", func() ([]store.Info, error) { return w.store.List(ctx, account) })
}

func (w *wrapped) Create(ctx context.Context, account, name, specialUse string) error {
	return w.around(ctx, "Create", func() error { return w.store.Create(ctx, account, name, specialUse) })
}

func (w *wrapped) Delete(ctx context.Context, account, name string) error {
	return w.around(ctx, "Delete", func() error { return w.store.Delete(ctx, account, name) })
}

func (w *wrapped) Rename(ctx context.Context, account, old, new string) error {
	return w.around(ctx, "Rename", func() error { return w.store.Rename(ctx, account, old, new) })
}

func (w *wrapped) Subscribe(ctx context.Context, account, name string) error {
	return w.around(ctx, "Subscribe", func() error { return w.store.Subscribe(ctx, account, name) })
}

func (w *wrapped) Unsubscribe(ctx context.Context, account, name string) error {
	return w.around(ctx, "Unsubscribe", func() error { return w.store.Unsubscribe(ctx, account, name) })
}

func (w *wrapped) Arrange(ctx context.Context, account string, folders []store.Folder) error {
	return w.around(ctx, "Arrange", func() error { return w.store.Arrange(ctx, account, folders) })
}

func (w *wrapped) Deliver(ctx context.Context, accounts []string, m store.Incoming) ([]store.Delivery, error) {
	list, err := call(w, ctx, "Deliver", func() ([]store.Delivery, error) { return w.store.Deliver(ctx, accounts, m) })
	for i := range list {
		list[i].Message = &message{list[i].Message, w}
	}
	return list, err
}

func (w *wrapped) Append(ctx context.Context, box store.MailboxID, messages []store.Incoming) ([]store.UID, error) {
	return call(w, ctx, "Append", func() ([]store.UID, error) { return w.store.Append(ctx, box, messages) })
}

func (w *wrapped) Status(ctx context.Context, box store.MailboxID) (store.Status, error) {
	return call(w, ctx, "Status", func() (store.Status, error) { return w.store.Status(ctx, box) })
}

func (w *wrapped) Snapshot(ctx context.Context, box store.MailboxID) (store.Snapshot, error) {
	return call(w, ctx, "Snapshot", func() (store.Snapshot, error) { return w.store.Snapshot(ctx, box) })
}

func (w *wrapped) Entries(ctx context.Context, box store.MailboxID, uids []store.UID) ([]store.Entry, error) {
	list, err := call(w, ctx, "Entries", func() ([]store.Entry, error) { return w.store.Entries(ctx, box, uids) })
	return w.wrap(list), err
}

func (w *wrapped) Changes(ctx context.Context, box store.MailboxID, since uint64) (store.Changes, error) {
	c, err := call(w, ctx, "Changes", func() (store.Changes, error) { return w.store.Changes(ctx, box, since) })
	c.Entries = w.wrap(c.Entries)
	return c, err
}

func (w *wrapped) SetFlags(ctx context.Context, box store.MailboxID, uids []store.UID, op store.Op, flags []string) (store.Update, error) {
	u, err := call(w, ctx, "SetFlags", func() (store.Update, error) { return w.store.SetFlags(ctx, box, uids, op, flags) })
	for i := range u.Entries {
		u.Entries[i].Message = &message{u.Entries[i].Message, w}
	}
	return u, err
}

func (w *wrapped) Expunge(ctx context.Context, box store.MailboxID, uids []store.UID) ([]store.UID, error) {
	return call(w, ctx, "Expunge", func() ([]store.UID, error) { return w.store.Expunge(ctx, box, uids) })
}

func (w *wrapped) ExpungeDeleted(ctx context.Context, box store.MailboxID, uids []store.UID) ([]store.UID, error) {
	return call(w, ctx, "ExpungeDeleted", func() ([]store.UID, error) { return w.store.ExpungeDeleted(ctx, box, uids) })
}

func (w *wrapped) Copy(ctx context.Context, from store.MailboxID, uids []store.UID, to store.MailboxID) (src, dst []store.UID, err error) {
	return w.transfer(ctx, "Copy", w.store.Copy, from, uids, to)
}

func (w *wrapped) Move(ctx context.Context, from store.MailboxID, uids []store.UID, to store.MailboxID) (src, dst []store.UID, err error) {
	return w.transfer(ctx, "Move", w.store.Move, from, uids, to)
}

type transfer func(context.Context, store.MailboxID, []store.UID, store.MailboxID) (src, dst []store.UID, err error)

func (w *wrapped) transfer(ctx context.Context, name string, do transfer, from store.MailboxID, uids []store.UID, to store.MailboxID) (src, dst []store.UID, err error) {
	err = w.around(ctx, name, func() (err error) {
		src, dst, err = do(ctx, from, uids, to)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return src, dst, nil
}

func (w *wrapped) ClaimRecent(ctx context.Context, box store.MailboxID, below store.UID) (store.UID, error) {
	return call(w, ctx, "ClaimRecent", func() (store.UID, error) { return w.store.ClaimRecent(ctx, box, below) })
}

func (w *wrapped) Latest(ctx context.Context, account string, after, before uint64, n int) ([]store.Placed, error) {
	list, err := call(w, ctx, "Latest", func() ([]store.Placed, error) { return w.store.Latest(ctx, account, after, before, n) })
	for i := range list {
		list[i].Message = &message{list[i].Message, w}
	}
	return list, err
}

func (w *wrapped) Arrived(ctx context.Context) (uint64, error) {
	return call(w, ctx, "Arrived", func() (uint64, error) { return w.store.Arrived(ctx) })
}

func (w *wrapped) Watch(ctx context.Context, box store.MailboxID) (store.Watch, error) {
	return call(w, ctx, "Watch", func() (store.Watch, error) { return w.store.Watch(ctx, box) })
}

func (w *wrapped) WatchArrivals(ctx context.Context) (store.Watch, error) {
	return call(w, ctx, "WatchArrivals", func() (store.Watch, error) { return w.store.WatchArrivals(ctx) })
}

// wrap wraps the messages of entries that belong to the caller.
func (w *wrapped) wrap(list []store.Entry) []store.Entry {
	for i := range list {
		list[i].Message = &message{list[i].Message, w}
	}
	return list
}

type lease struct {
	lease store.Lease
	w     *wrapped
}

func (l *lease) Renew(ctx context.Context) error {
	return l.w.around(ctx, "Renew", func() error { return l.lease.Renew(ctx) })
}

func (l *lease) Release(ctx context.Context) error {
	return l.w.around(ctx, "Release", func() error { return l.lease.Release(ctx) })
}

type message struct {
	message store.Message
	w       *wrapped
}

func (m *message) ID() string  { return m.message.ID() }
func (m *message) Size() int64 { return m.message.Size() }

func (m *message) Origin(ctx context.Context) (store.Origin, error) {
	return call(m.w, ctx, "Origin", func() (store.Origin, error) { return m.message.Origin(ctx) })
}

func (m *message) Digest(ctx context.Context) ([sha256.Size]byte, error) {
	return call(m.w, ctx, "Digest", func() ([sha256.Size]byte, error) { return m.message.Digest(ctx) })
}

func (m *message) Open(ctx context.Context) (store.Reader, error) {
	r, err := call(m.w, ctx, "Open", func() (store.Reader, error) { return m.message.Open(ctx) })
	if err != nil {
		return nil, err
	}
	return &reader{r, ctx, m.w}, nil
}

type reader struct {
	reader store.Reader
	ctx    context.Context
	w      *wrapped
}

func (r *reader) Read(p []byte) (n int, err error) {
	err = r.w.around(r.ctx, "Read", func() (err error) {
		n, err = r.reader.Read(p)
		return err
	})
	return n, err
}

func (r *reader) ReadAt(p []byte, off int64) (n int, err error) {
	err = r.w.around(r.ctx, "Read", func() (err error) {
		n, err = r.reader.ReadAt(p, off)
		return err
	})
	return n, err
}

func (r *reader) Close() error { return r.reader.Close() }
