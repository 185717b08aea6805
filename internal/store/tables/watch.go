package tables

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mailrig/mailrig/internal/store"
)

// watched are the mailboxes that somebody watches. One that nobody watches costs nothing here.
type watched struct {
	mu    sync.Mutex
	boxes map[store.MailboxID]*watches // 0 stands for arrivals in any mailbox
}

// watches are the watches of one mailbox.
type watches struct {
	modSeq atomic.Uint64
	open   map[*watch]struct{}
}

// watch implements store.Watch.
type watch struct {
	in     *watched
	box    store.MailboxID
	of     *watches
	tokens chan struct{}
}

func (l *watched) add(id store.MailboxID) *watch {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.boxes == nil {
		l.boxes = map[store.MailboxID]*watches{}
	}
	of := l.boxes[id]
	if of == nil {
		of = &watches{open: map[*watch]struct{}{}}
		l.boxes[id] = of
	}
	w := &watch{in: l, box: id, of: of, tokens: make(chan struct{}, 1)}
	of.open[w] = struct{}{}
	return w
}

// tell leaves a token with everybody who watches the mailbox.
func (l *watched) tell(id store.MailboxID, modSeq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.boxes[id]
	if of == nil {
		return
	}
	of.raise(modSeq)
	for w := range of.open {
		select {
		case w.tokens <- struct{}{}:
		default:
		}
	}
}

func (w *watches) raise(modSeq uint64) {
	for now := w.modSeq.Load(); now < modSeq && !w.modSeq.CompareAndSwap(now, modSeq); now = w.modSeq.Load() {
	}
}

// Changed implements store.Watch.
func (w *watch) Changed() <-chan struct{} { return w.tokens }

// ModSeq implements store.Watch. It only reads a number, because nearly every NOOP of an IMAP client ends here.
func (w *watch) ModSeq() uint64 { return w.of.modSeq.Load() }

// Close implements store.Watch.
func (w *watch) Close() {
	w.in.mu.Lock()
	defer w.in.mu.Unlock()
	delete(w.of.open, w)
	if len(w.of.open) == 0 && w.in.boxes[w.box] == w.of {
		delete(w.in.boxes, w.box)
	}
}

// Watch implements store.Watching. A change that is committed before the mod-sequence is read is in it, and one that is
// committed later leaves a token.
func (s *Store) Watch(ctx context.Context, id store.MailboxID) (store.Watch, error) {
	w := s.watched.add(id)
	err := s.engine.Ask(ctx, func(c Conn) error {
		b, err := loadBox(c, id)
		if err == nil {
			w.of.raise(b.modSeq)
		}
		return err
	})
	if err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// WatchArrivals implements store.Watching.
func (s *Store) WatchArrivals(ctx context.Context) (store.Watch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.watched.add(0), nil
}

// Publish tells everybody in this process what a transaction has changed. An engine calls it for those of other processes.
func (s *Store) Publish(list []News) {
	arrived, removed := false, false
	for _, n := range list {
		arrived, removed = arrived || n.Arrived, removed || n.Removed
		if n.Kind != "" {
			s.watchers.Tell(n.Kind)
		}
		if n.Box != 0 {
			s.watched.tell(n.Box, n.ModSeq)
		}
	}
	if arrived {
		s.watched.tell(0, 0)
	}
	if removed {
		s.removals.count()
	}
}

// Recheck looks for what may have been missed, and tells everybody in this process of it: mailboxes that somebody watches,
// arrivals, and records. One goroutine at a time calls it.
func (s *Store) Recheck(ctx context.Context) error {
	list := []News{{Removed: true}}
	var n numbers
	err := s.engine.Read(ctx, func(c Conn) (err error) {
		if n, err = loadNumbers(c); err != nil {
			return err
		}
		known := s.watched.all()
		now, err := modSeqs(c, slices.Collect(maps.Keys(known)))
		for id, was := range known {
			switch modSeq, found := now[id]; {
			case !found:
				list = append(list, News{Box: id, ModSeq: was + 1}) // a deletion raises it too
			case modSeq != was:
				list = append(list, News{Box: id, ModSeq: modSeq})
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if n.version != s.checked.version {
		s.watchers.TellAll()
	}
	list[0].Arrived = n.arrival != s.checked.arrival
	s.checked = n
	s.Publish(list)
	return nil
}

// modSeqs returns the mod-sequences of those of the given mailboxes that exist.
func modSeqs(c Conn, ids []store.MailboxID) (map[store.MailboxID]uint64, error) {
	const page = 64
	query := "SELECT id, modseq FROM mailboxes WHERE id IN (?" + strings.Repeat(", ?", page-1) + ")"
	now := map[store.MailboxID]uint64{}
	for some := range slices.Chunk(ids, page) {
		args := make([]any, page)
		for i := range args {
			args[i] = int64(0)
			if i < len(some) {
				args[i] = int64(some[i])
			}
		}
		err := c.Each(query, args, func(rows Rows) error {
			var id store.MailboxID
			var modSeq uint64
			err := rows.Scan(&id, &modSeq)
			now[id] = modSeq
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return now, nil
}

// all returns the mailboxes that are watched, with the mod-sequences that are known of them.
func (l *watched) all() map[store.MailboxID]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := map[store.MailboxID]uint64{}
	for id, of := range l.boxes {
		if id != 0 {
			list[id] = of.modSeq.Load()
		}
	}
	return list
}

// removals counts removals, for those who hold messages.
type removals struct {
	number atomic.Uint64
	once   atomic.Pointer[func()]
}

func (r *removals) count() {
	r.number.Add(1)
	if f := r.once.Swap(nil); f != nil {
		go (*f)()
	}
}

// Removals returns a number that grows whenever entries have been removed from any mailbox, in whatever way. As long as it
// stays the same, everything that Latest has returned is still there.
func (s *Store) Removals() uint64 { return s.removals.number.Load() }

// OnRemoval makes the store call f, in a goroutine of its own, when entries are removed the next time. It calls it once,
// and forgets the function that was given before.
func (s *Store) OnRemoval(f func()) { s.removals.once.Store(&f) }
