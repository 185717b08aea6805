package memory

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/mailrig/mailrig/internal/store"
)

// watches are those who want to hear of something.
type watches struct {
	mu   sync.RWMutex
	open map[*watch]struct{}
}

// watch is a store.Watch.
type watch struct {
	of     *watches
	modSeq *atomic.Uint64 // the mailbox's, nil without one
	tokens chan struct{}
}

// add makes a watch. wake must come after a change can be seen: whoever takes a token
// then finds it, and a token not taken yet stands for this one too.
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

// ModSeq implements store.Watch. It reads no more than a number: nearly every NOOP of
// an IMAP client ends here.
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
