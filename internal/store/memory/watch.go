package memory

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/mailrig/mailrig/internal/store"
)

// watches are the watches on one thing: a mailbox, or all arrivals.
type watches struct {
	mu   sync.RWMutex
	open map[*watch]struct{}
}

// watch implements store.Watch.
type watch struct {
	of     *watches
	modSeq *atomic.Uint64 // the mailbox's; nil for arrivals
	tokens chan struct{}
}

// add makes a watch. Call wake only after the change is visible: whoever takes a token then finds the change. A token
// that hasn't been taken stands for later changes too.
func (l *watches) add(modSeq *atomic.Uint64) *watch {
	w := &watch{of: l, modSeq: modSeq, tokens: make(chan struct{}, 1)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = make(map[*watch]struct{})
	}
	l.open[w] = struct{}{}
	return w
}

func (l *watches) wake() {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for w := range l.open {
		select {
		case w.tokens <- struct{}{}:
		default:
		}
	}
}

// Changed implements store.Watch.
func (w *watch) Changed() <-chan struct{} { return w.tokens }

// ModSeq implements store.Watch. It only reads a number, because nearly every NOOP of an IMAP client ends here.
func (w *watch) ModSeq() uint64 {
	if w.modSeq == nil {
		return 0
	}
	return w.modSeq.Load()
}

// Close implements store.Watch.
func (w *watch) Close() {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	delete(w.of.open, w)
}

// Watch implements store.Watching.
func (s *Store) Watch(ctx context.Context, id store.MailboxID) (store.Watch, error) {
	b, err := s.box(ctx, id)
	if err != nil {
		return nil, err
	}
	return b.watches.add(&b.modSeq), nil
}

// WatchArrivals implements store.Watching.
func (s *Store) WatchArrivals(ctx context.Context) (store.Watch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.arrivals.add(nil), nil
}
