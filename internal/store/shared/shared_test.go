package shared

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/postgres"
	"github.com/mailrig/mailrig/internal/state"
	"github.com/mailrig/mailrig/internal/state/statetest"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/storetest"
	"github.com/mailrig/mailrig/internal/testkit/pgserver"
)

var (
	server  pgserver.Server
	durable = pgserver.Server{Settings: []string{"fsync = on", "full_page_writes = on"}} // for measurements
)

func TestMain(m *testing.M) {
	code := m.Run()
	server.Stop()
	durable.Stop()
	os.Exit(code)
}

// TestStore runs the suite against one server's store.
func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) store.Store { return opened(t, server.Database(t), Options{}) })
}

// TestStores runs the suite against three servers' stores: each call is another one's.
func TestStores(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) store.Store {
		url := server.Database(t)
		return &several{stores: []*Store{opened(t, url, Options{}), opened(t, url, Options{}), opened(t, url, Options{})}}
	})
}

// TestPooler runs some of the suite through a pooler, which hides news: statements of every kind, and watches of other
// servers' changes.
func TestPooler(t *testing.T) {
	t.Parallel()
	open := func(t testing.TB) store.Store {
		url := server.Pooler(t, server.Database(t))
		return &several{stores: []*Store{opened(t, url, Options{}), opened(t, url, Options{})}}
	}
	storetest.RunSome(t, open, "Append", "ArrivalsAreNeverLost", "Blobs", "CopyAndMove", "DeliverConcurrently", "FoldersConcurrently", "Keywords", "NumbersInOrder", "Rename", "Reset", "Watch")
}

func TestState(t *testing.T) {
	t.Parallel()
	statetest.Run(t, func(t testing.TB) statetest.Rig {
		var passed atomic.Int64
		o := Options{Now: func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }}
		url := server.Database(t)
		return statetest.Rig{
			Stores:  []state.Store{opened(t, url, o).State(), opened(t, url, o).State()},
			Advance: func(d time.Duration) { passed.Add(int64(d)) },
		}
	})
}

// opened returns the store in a database. It is closed with the test, and must be in order then.
func opened(t testing.TB, url string, o Options) *Store {
	t.Helper()
	db, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), db, o)
	if err != nil {
		t.Fatal(errors.Join(err, db.Close()))
	}
	t.Cleanup(func() {
		if r, err := s.Check(context.Background()); !strings.Contains(t.Name(), "Damage") && !s.engine.ended.Load() && (err != nil || len(r.Problems) > 0) {
			t.Errorf("at the end: %v, %v", r.Problems, err)
		}
		if err := errors.Join(s.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// several is a store whose calls go to several stores of one database in turn.
type several struct {
	stores []*Store
	calls  atomic.Int64
}

func (s *several) next() *Store { return s.stores[int(s.calls.Add(1))%len(s.stores)] }

func (s *several) Address(name string) string { return s.next().Address(name) }
func (s *several) OpenAccount(ctx context.Context, name string) (string, error) {
	return s.next().OpenAccount(ctx, name)
}
func (s *several) HasAccount(ctx context.Context, name string) (bool, error) {
	return s.next().HasAccount(ctx, name)
}
func (s *several) ListAccounts(ctx context.Context) ([]string, error) {
	return s.next().ListAccounts(ctx)
}
func (s *several) LockMaildrop(ctx context.Context, account string) (store.Lease, error) {
	return s.next().LockMaildrop(ctx, account)
}
func (s *several) Reset(ctx context.Context) error { return s.next().Reset(ctx) }
func (s *several) Mailbox(ctx context.Context, account, name string) (store.Mailbox, error) {
	return s.next().Mailbox(ctx, account, name)
}
func (s *several) List(ctx context.Context, account string) ([]store.Info, error) {
	return s.next().List(ctx, account)
}
func (s *several) Create(ctx context.Context, account, name, specialUse string) error {
	return s.next().Create(ctx, account, name, specialUse)
}
func (s *several) Delete(ctx context.Context, account, name string) error {
	return s.next().Delete(ctx, account, name)
}
func (s *several) Rename(ctx context.Context, account, old, new string) error {
	return s.next().Rename(ctx, account, old, new)
}
func (s *several) Subscribe(ctx context.Context, account, name string) error {
	return s.next().Subscribe(ctx, account, name)
}
func (s *several) Unsubscribe(ctx context.Context, account, name string) error {
	return s.next().Unsubscribe(ctx, account, name)
}
func (s *several) Arrange(ctx context.Context, account string, folders []store.Folder) error {
	return s.next().Arrange(ctx, account, folders)
}
func (s *several) Deliver(ctx context.Context, accounts []string, m store.Incoming) ([]store.Delivery, error) {
	return s.next().Deliver(ctx, accounts, m)
}
func (s *several) Append(ctx context.Context, box store.MailboxID, messages []store.Incoming) ([]store.UID, error) {
	return s.next().Append(ctx, box, messages)
}
func (s *several) Status(ctx context.Context, box store.MailboxID) (store.Status, error) {
	return s.next().Status(ctx, box)
}
func (s *several) Snapshot(ctx context.Context, box store.MailboxID) (store.Snapshot, error) {
	return s.next().Snapshot(ctx, box)
}
func (s *several) Entries(ctx context.Context, box store.MailboxID, uids []store.UID) ([]store.Entry, error) {
	return s.next().Entries(ctx, box, uids)
}
func (s *several) Changes(ctx context.Context, box store.MailboxID, since uint64) (store.Changes, error) {
	return s.next().Changes(ctx, box, since)
}
func (s *several) SetFlags(ctx context.Context, box store.MailboxID, uids []store.UID, op store.Op, flags []string) (store.Update, error) {
	return s.next().SetFlags(ctx, box, uids, op, flags)
}
func (s *several) Expunge(ctx context.Context, box store.MailboxID, uids []store.UID) ([]store.UID, error) {
	return s.next().Expunge(ctx, box, uids)
}
func (s *several) ExpungeDeleted(ctx context.Context, box store.MailboxID, uids []store.UID) ([]store.UID, error) {
	return s.next().ExpungeDeleted(ctx, box, uids)
}
func (s *several) Copy(ctx context.Context, from store.MailboxID, uids []store.UID, to store.MailboxID) (src, dst []store.UID, err error) {
	return s.next().Copy(ctx, from, uids, to)
}
func (s *several) Move(ctx context.Context, from store.MailboxID, uids []store.UID, to store.MailboxID) (src, dst []store.UID, err error) {
	return s.next().Move(ctx, from, uids, to)
}
func (s *several) ClaimRecent(ctx context.Context, box store.MailboxID, below store.UID) (store.UID, error) {
	return s.next().ClaimRecent(ctx, box, below)
}
func (s *several) Latest(ctx context.Context, account string, after, before uint64, n int) ([]store.Placed, error) {
	return s.next().Latest(ctx, account, after, before, n)
}
func (s *several) Arrived(ctx context.Context) (uint64, error) { return s.next().Arrived(ctx) }
func (s *several) Watch(ctx context.Context, box store.MailboxID) (store.Watch, error) {
	w, err := s.next().Watch(ctx, box)
	if err != nil {
		return nil, err
	}
	p := &patient{Watch: w, box: box, of: s.next()}
	if st, err := p.of.Status(ctx, box); err == nil {
		p.last.Store(st.HighestModSeq) // a deletion raises it further
	}
	return p, nil
}
func (s *several) WatchArrivals(ctx context.Context) (store.Watch, error) {
	return s.next().WatchArrivals(ctx)
}

// patient is a watch that waits until it has heard of what is in the database: the suite expects that of changes that are
// done. If news were lost, it would wait in vain.
type patient struct {
	store.Watch
	box  store.MailboxID
	of   *Store
	last atomic.Uint64
}

// ModSeq implements store.Watch.
func (w *patient) ModSeq() uint64 {
	want := w.last.Load() + 1 // after a deletion
	switch st, err := w.of.Status(context.Background(), w.box); {
	case err == nil:
		want = st.HighestModSeq
		w.last.Store(want)
	case !errors.Is(err, store.ErrNoMailbox):
		return w.Watch.ModSeq()
	}
	for deadline := time.Now().Add(20 * time.Second); w.Watch.ModSeq() < want && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	return w.Watch.ModSeq()
}
