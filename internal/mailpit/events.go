package mailpit

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/mailrig/mailrig/internal/answer"
)

// Bounds on listeners to events.
const (
	mostListeners = 100
	mostWaiting   = 500 // events that a listener may be behind; one that is slower is closed
	mostFresh     = 500 // letters that are told at once; of more than that, only the statistics are
	writeTime     = 10 * time.Second
	statsDelay    = 250 * time.Millisecond // changes within this time are told in one
)

// events tells listeners at the websocket what happens. While there are none, it does nothing: mail costs no more than without it.
type events struct {
	ctx  context.Context // ends at Close
	stop context.CancelFunc
	work sync.WaitGroup // listeners, and the goroutine that watches arrivals

	mu        sync.Mutex
	closed    bool
	listeners map[chan []byte]struct{}
	unwatch   context.CancelFunc // ends the goroutine that watches arrivals; nil without listeners
	pending   *time.Timer        // statistics that will be told
}

func newEvents() *events {
	e := &events{listeners: map[chan []byte]struct{}{}}
	e.ctx, e.stop = context.WithCancel(context.Background())
	return e
}

// Close ends all websockets and waits for them.
func (h *Handler) Close() {
	e := h.events
	e.mu.Lock()
	e.closed = true
	if e.pending != nil && e.pending.Stop() {
		e.work.Done() // it won't run
	}
	e.mu.Unlock()
	e.stop()
	e.work.Wait()
}

// join registers a listener. ok is false if there are too many, or at the end.
func (h *Handler) join() (frames chan []byte, ok bool) {
	e := h.events
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || len(e.listeners) >= mostListeners {
		return nil, false
	}
	frames = make(chan []byte, mostWaiting)
	e.listeners[frames] = struct{}{}
	e.work.Add(1)
	if e.unwatch == nil {
		ctx, cancel := context.WithCancel(e.ctx)
		e.unwatch = cancel
		e.work.Go(func() { h.watch(ctx) })
	}
	return frames, true
}

func (e *events) leave(frames chan []byte) {
	defer e.work.Done()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.drop(frames)
}

// drop removes a listener. The caller holds mu.
func (e *events) drop(frames chan []byte) {
	if _, ok := e.listeners[frames]; !ok {
		return
	}
	delete(e.listeners, frames)
	close(frames)
	if len(e.listeners) == 0 && e.unwatch != nil {
		e.unwatch()
		e.unwatch = nil
	}
}

func (e *events) any() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.listeners) > 0
}

// tell sends an event to all listeners. It never waits: a listener that is too far behind is dropped.
func (e *events) tell(kind string, data any) {
	if !e.any() {
		return
	}
	frame, err := json.Marshal(struct {
		Type string
		Data any
	}{kind, data})
	if err != nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for frames := range e.listeners {
		select {
		case frames <- frame:
		default:
			e.drop(frames)
		}
	}
}

// changed makes the statistics be told in a moment.
func (h *Handler) changed() {
	e := h.events
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || len(e.listeners) == 0 || e.pending != nil {
		return
	}
	e.work.Add(1)
	e.pending = time.AfterFunc(statsDelay, func() {
		defer e.work.Done()
		e.mu.Lock()
		e.pending = nil
		e.mu.Unlock()
		h.tellStats(e.ctx)
	})
}

type statsEvent struct {
	Total, Unread int
	Version       string
}

type changeEvent struct {
	ID   string
	Read *bool    `json:",omitempty"`
	Tags []string `json:",omitzero"`
}

func (h *Handler) tellStats(ctx context.Context) {
	_ = h.box.with(ctx, func(all []*Entry) error {
		h.events.tell("stats", statsEvent{len(all), unread(all), h.cfg.Version})
		return nil
	})
}

func (h *Handler) tellRead(l *Entry) { h.events.tell("update", changeEvent{ID: l.id, Read: &l.read}) }

// watch tells about letters that come.
func (h *Handler) watch(ctx context.Context) {
	arrivals, err := h.cfg.Store.WatchArrivals(ctx)
	if err != nil {
		h.cfg.Logger.Error("watch for messages", "err", err)
		return
	}
	defer arrivals.Close()
	known := false
	for {
		err := h.box.with(ctx, func(all []*Entry) error {
			from := h.box.told
			h.box.told = h.box.accepted
			if n := h.box.accepted - from; known && n > 0 && n <= mostFresh {
				return h.tellNew(ctx, all[:min(n, len(all))], from)
			}
			return nil
		})
		if err == nil && known {
			h.changed()
		}
		known = true
		select {
		case <-arrivals.Changed():
		case <-ctx.Done():
			return
		}
	}
}

// tellNew tells about the letters whose number is above from, the oldest first. The caller has the box.
func (h *Handler) tellNew(ctx context.Context, all []*Entry, from int) error {
	for i := len(all) - 1; i >= 0; i-- {
		l := all[i]
		if l.number <= from {
			continue
		}
		it, err := h.itemOf(ctx, l)
		if err != nil {
			return err
		}
		it.To, it.Cc, it.Bcc, it.ReplyTo = answer.List(it.To), answer.List(it.Cc), answer.List(it.Bcc), answer.List(it.ReplyTo)
		h.events.tell("new", it)
		if len(it.Tags) > 0 {
			h.events.tell("update", changeEvent{ID: l.id, Tags: it.Tags})
		}
	}
	return nil
}

// listen is the websocket.
func (h *Handler) listen(w http.ResponseWriter, r *http.Request) {
	frames, ok := h.join()
	if !ok {
		plain(w, http.StatusServiceUnavailable, "too many listeners to events; close some")
		return
	}
	defer h.events.leave(frames)
	conn, err := websocket.Accept(w, r, nil) // it checks Origin once more
	if err != nil {
		return // it has answered
	}
	defer conn.CloseNow()
	ctx := conn.CloseRead(h.events.ctx) // ends when the client leaves
	h.tellStats(ctx)
	for {
		select {
		case frame, ok := <-frames:
			if !ok {
				return // it is too slow to take part in a farewell
			}
			late, cancel := context.WithTimeout(ctx, writeTime)
			err := conn.Write(late, websocket.MessageText, frame)
			cancel()
			if err != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
