package state

import "sync"

// Watchers hands out watches, for implementations of Store. A kind that nobody watches costs nothing. The zero value is
// ready to use.
type Watchers struct {
	mu   sync.Mutex
	open map[string]map[*watch]struct{} // by kind
}

type watch struct {
	in     *Watchers
	kind   string
	tokens chan struct{}
}

// Add begins a watch of a kind.
func (l *Watchers) Add(kind string) Watch {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = map[string]map[*watch]struct{}{}
	}
	if l.open[kind] == nil {
		l.open[kind] = map[*watch]struct{}{}
	}
	w := &watch{l, kind, make(chan struct{}, 1)}
	l.open[kind][w] = struct{}{}
	return w
}

// Tell leaves a token with everybody who watches a kind.
func (l *Watchers) Tell(kind string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w := range l.open[kind] {
		w.leave()
	}
}

// TellAll leaves a token with everybody: nobody knows what has changed.
func (l *Watchers) TellAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, watches := range l.open {
		for w := range watches {
			w.leave()
		}
	}
}

func (w *watch) leave() {
	select {
	case w.tokens <- struct{}{}:
	default:
	}
}

// Changed implements Watch.
func (w *watch) Changed() <-chan struct{} { return w.tokens }

// Close implements Watch.
func (w *watch) Close() {
	w.in.mu.Lock()
	defer w.in.mu.Unlock()
	delete(w.in.open[w.kind], w)
	if len(w.in.open[w.kind]) == 0 {
		delete(w.in.open, w.kind)
	}
}
