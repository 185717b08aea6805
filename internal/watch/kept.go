package watch

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/state"
)

// Kept is a book that outlives the process. It is a Memory whose pages are records too (package state). They are written
// once a second, so the watcher never waits for it, and a crash loses those of the last second. Several processes may share
// the records: each shows what the others had reported when it began. Close it.
type Kept struct {
	*Memory
	store  state.Store
	log    *slog.Logger
	cancel context.CancelFunc
	ended  sync.WaitGroup

	writing sync.Mutex // held while pages are written or removed
	written map[Key]keptPage
	process string         // in the keys of its records
	foreign map[Key]string // keys of records of before
	failing bool
}

const (
	writeEvery = time.Second
	together   = 20 // pages in one change, so that mail needn't wait long for it
	// skipped is how many numbers are left out after a crash: more reports than that aren't made in a second.
	skipped = 10_000
)

// The kinds of records. A finding's key is that of its process, and its own in the book. The end has the number of the last report, if the book was
// closed.
const (
	kindFinding = "finding"
	kindEnd     = "findings end"
)

// keptPage is a page as it is kept. Fields may be added, and none may change its meaning.
type keptPage struct {
	Number  uint64
	Finding Finding
}

// OpenKept returns the book that records hold.
func OpenKept(ctx context.Context, st state.Store, log *slog.Logger) (*Kept, error) {
	b := &Kept{Memory: NewMemory(), store: st, log: log, process: rand.Text(), written: map[Key]keptPage{}, foreign: map[Key]string{}}
	if err := b.read(ctx); err != nil {
		return nil, fmt.Errorf("read the findings that were kept: %w", err)
	}
	ctx, b.cancel = context.WithCancel(context.WithoutCancel(ctx))
	b.ended.Go(func() {
		tick := time.NewTicker(writeEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				b.tell(b.write(ctx))
			}
		}
	})
	return b, nil
}

func (b *Kept) read(ctx context.Context) error {
	var pages []*page
	for after := ""; ; {
		list, err := b.store.List(ctx, kindFinding, after, 200)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			break
		}
		for _, r := range list {
			after = r.Key
			var p keptPage
			if err := json.Unmarshal(r.Data, &p); err != nil {
				b.log.Error("a finding that was kept can't be read", "error", err)
				continue
			}
			key := Key(len(pages) + 1)
			b.written[key], b.foreign[key] = p, r.Key
			pages = append(pages, &page{p.Finding, key, p.Number})
		}
	}
	b.restore(pages)
	return b.goOn(ctx)
}

// goOn numbers the next reports behind those of before.
func (b *Kept) goOn(ctx context.Context) error {
	end, err := b.store.Get(ctx, kindEnd, kindEnd)
	switch {
	case err == nil:
		last, err := strconv.ParseUint(string(end.Data), 10, 64)
		if err != nil {
			return err
		}
		b.last = max(b.last, last)
		if _, err := b.store.Apply(ctx, state.Remove(kindEnd, kindEnd)); err != nil {
			b.log.Error("keep that the book of findings is open", "error", err)
			b.last += skipped
		}
		return nil
	case !errors.Is(err, state.ErrNone):
		return err
	case len(b.written) > 0:
		b.last += skipped
	}
	return nil
}

// write writes the pages that have changed, and removes those that are gone.
func (b *Kept) write(ctx context.Context) error {
	b.writing.Lock()
	defer b.writing.Unlock()
	now := b.pages()
	var changes []state.Change
	var keys []Key
	for key := range b.written {
		if _, ok := now[key]; !ok {
			changes, keys = append(changes, state.Remove(kindFinding, b.recordKey(key))), append(keys, key)
		}
	}
	for key, p := range now {
		if before, ok := b.written[key]; ok && before.Number == p.Number && equal(&before.Finding, &p.Finding) {
			continue
		}
		data, err := json.Marshal(p)
		if err != nil {
			return err
		}
		changes, keys = append(changes, state.Put(kindFinding, b.recordKey(key), data)), append(keys, key)
	}
	for len(changes) > 0 {
		n := min(together, len(changes))
		if _, err := b.store.Apply(ctx, changes[:n]...); err != nil {
			return err
		}
		for i, key := range keys[:n] {
			if changes[i].Remove {
				delete(b.written, key)
			} else {
				b.written[key] = now[key]
			}
		}
		changes, keys = changes[n:], keys[n:]
	}
	return nil
}

// equal reports whether a finding has stayed the same under its key and its number: it only grows.
func equal(a, b *Finding) bool {
	return a.Title == b.Title && a.Explanation == b.Explanation && a.At.Equal(b.At) && slices.Equal(a.Sessions, b.Sessions)
}

func (b *Kept) recordKey(key Key) string {
	if of, ok := b.foreign[key]; ok {
		return of
	}
	return fmt.Sprintf("%s/%d", b.process, key)
}

// tell logs the beginning and the end of trouble.
func (b *Kept) tell(err error) {
	switch {
	case err == nil:
		b.failing = false
	case !b.failing && !errors.Is(err, context.Canceled):
		b.failing = true
		b.log.Error("findings can't be kept", "error", err)
	}
}

// Empty removes all findings, at once.
func (b *Kept) Empty(ctx context.Context) error {
	b.writing.Lock()
	defer b.writing.Unlock()
	if _, err := b.store.Apply(ctx, state.Clear(kindFinding)); err != nil {
		return err
	}
	clear(b.written)
	return b.Memory.Empty(ctx)
}

// Close writes what hasn't been written.
func (b *Kept) Close(ctx context.Context) error {
	b.cancel()
	b.ended.Wait()
	if err := b.write(ctx); err != nil {
		return err
	}
	_, last, _, _ := b.Since(ctx, 0)
	_, err := b.store.Apply(ctx, state.Put(kindEnd, kindEnd, strconv.AppendUint(nil, last, 10)))
	return err
}
