package archive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/state"
)

// opened returns an archive and the journal that it follows.
func opened(t *testing.T, st state.Store, keep int) (*Archive, *event.Ring) {
	t.Helper()
	a, err := Open(t.Context(), Config{State: st, Keep: keep, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ring := event.NewRing(event.Options{Keep: keep, NewID: a.NewID, Begin: a.Begin(), Restored: true})
	a.Start(ring)
	return a, ring
}

// sessions has so many sessions begin and end.
func sessions(ring *event.Ring, n int) {
	for range n {
		r := ring.Begin(event.Info{Door: 25, Client: "127.0.0.1:1"})
		r.Notice("x", "")
		r.End(event.EndedByClient)
	}
}

func ids(ring *event.Ring) string {
	var out []string
	for _, r := range ring.Records() {
		out = append(out, fmt.Sprint(r.ID, "/", len(r.Events)))
	}
	return strings.Join(out, " ")
}

func count(t *testing.T, st state.Store) int {
	t.Helper()
	n, _, err := st.Count(t.Context(), kind)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSessionsAreKept checks that the sessions that a journal had are there again, the latest of them, and that ids go on.
func TestSessionsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := state.NewMemory(nil)
		a, ring := opened(t, st, 4)
		sessions(ring, 3)
		time.Sleep(2 * every)
		synctest.Wait()
		if n := count(t, st); n != 3 {
			t.Errorf("%d sessions are written after a second, want 3", n)
		}
		sessions(ring, 3)
		open := ring.Begin(event.Info{Door: 25})
		if err := a.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := count(t, st); n != 4 {
			t.Errorf("%d sessions are kept, want the journal's 4", n)
		}
		open.End(event.EndedByShutdown) // too late

		b, again := opened(t, st, 4)
		if got := ids(again); got != "3/2 4/2 5/2 6/2" {
			t.Errorf("kept: %s", got)
		}
		_, last, _ := again.Since(0)
		sessions(again, 1)
		if got := ids(again); got != "4/2 5/2 6/2 8/2" {
			t.Errorf("with another one: %s", got)
		}
		if news, _, _ := again.Since(last); len(news) != 1 || news[0].ID != "8" {
			t.Errorf("%d sessions since %d", len(news), last)
		}
		if s, ok := again.Get("5"); !ok || s.EndedBy != event.EndedByClient || s.Client != "127.0.0.1:1" {
			t.Errorf("session 5 is %+v", s)
		}
		if err := b.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		c, fewer := opened(t, st, 2)
		if got := ids(fewer); got != "6/2 8/2" {
			t.Errorf("of fewer: %s", got)
		}
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := count(t, st); n != 2 {
			t.Errorf("%d sessions are kept of 2", n)
		}
	})
}

// TestCrash checks that a process that ends without Close loses the sessions of the last second at most, and that none of
// its ids comes again.
func TestCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := state.NewMemory(nil)
		a, ring := opened(t, st, 100)
		sessions(ring, 5)
		time.Sleep(every + time.Millisecond)
		synctest.Wait()
		sessions(ring, 2)
		_, last, _ := ring.Since(0)
		a.cancel() // and nothing else
		a.ended.Wait()

		b, again := opened(t, st, 100)
		if got := ids(again); got != "1/2 2/2 3/2 4/2 5/2" {
			t.Errorf("kept: %s", got)
		}
		sessions(again, 1)
		if news, _, _ := again.Since(last); len(news) != 1 || news[0].ID != fmt.Sprint(block+1) {
			t.Errorf("a reader who has seen %d gets %d news", last, len(news))
		}
		if err := b.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestWritingIsBounded checks that a flood of sessions is written little by little, the latest first, and all of it at the end.
func TestWritingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := state.NewMemory(nil)
		a, ring := opened(t, st, 5*most)
		synctest.Wait()
		sessions(ring, 3*most)
		time.Sleep(every + time.Millisecond)
		synctest.Wait()
		list, err := st.List(t.Context(), kind, "", 1000)
		if err != nil || len(list) != most || list[0].Key != key(fmt.Sprint(2*most+1)) {
			t.Errorf("%d sessions are written, from %s on, %v", len(list), list[0].Key, err)
		}
		if err := a.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := count(t, st); n != 3*most {
			t.Errorf("%d sessions are kept", n)
		}
	})
}

// TestSharedRecords checks that processes which share records write over nothing of each other's, and that a later one shows
// the latest of all of them.
func TestSharedRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := state.NewMemory(nil)
		a, one := opened(t, st, 10_000)
		b, other := opened(t, st, 10_000)
		const each = 3 * block / 2 // more than a block of ids
		for range each {
			sessions(one, 1)
			sessions(other, 1)
			time.Sleep(time.Millisecond)
			synctest.Wait()
		}
		if err := errors.Join(a.Close(t.Context()), b.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
		if n := count(t, st); n != 2*each {
			t.Errorf("%d sessions are kept, want %d", n, 2*each)
		}
		c, all := opened(t, st, 4)
		_, last, _ := all.Since(0)
		var want []string
		for _, ring := range []*event.Ring{one, other} {
			list, _ := ring.Before(1<<40, 2)
			for _, s := range list {
				want = append(want, s.ID)
			}
		}
		for _, s := range all.Records() {
			if i := slices.Index(want, s.ID); i >= 0 {
				want = slices.Delete(want, i, i+1)
			}
		}
		if len(want) > 0 || len(all.Records()) != 4 {
			t.Errorf("a later one shows %s, without %v", ids(all), want)
		}
		sessions(all, 1)
		if news, _, _ := all.Since(last); len(news) != 1 {
			t.Errorf("%d sessions since %d", len(news), last)
		}
		if err := c.Close(t.Context()); err != nil || count(t, st) != 4 {
			t.Errorf("%d sessions are kept, want 4, %v", count(t, st), err)
		}
	})
}

func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := state.NewMemory(nil)
		a, ring := opened(t, st, 100)
		sessions(ring, 5)
		time.Sleep(every + time.Millisecond)
		synctest.Wait()
		ring.Reset()
		if err := a.Forget(t.Context()); err != nil || count(t, st) != 0 {
			t.Errorf("%d sessions are left, %v", count(t, st), err)
		}
		sessions(ring, 1)
		if err := a.Close(t.Context()); err != nil || count(t, st) != 1 {
			t.Errorf("%d sessions are kept, %v", count(t, st), err)
		}
	})
}

// away is a store that can't be reached for a while.
type away struct {
	state.Store
	is atomic.Bool
}

func (s *away) Take(ctx context.Context, name string, n int) (uint64, error) {
	if s.is.Load() {
		return 0, errors.New("away")
	}
	return s.Store.Take(ctx, name, n)
}

func (s *away) Apply(ctx context.Context, changes ...state.Change) (state.Version, error) {
	if s.is.Load() {
		return 0, errors.New("away")
	}
	return s.Store.Apply(ctx, changes...)
}

// TestFullStore checks that an archive which can't be written begins with what is kept, and numbers sessions otherwise.
func TestFullStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &away{Store: state.NewMemory(nil)}
		a, ring := opened(t, st, 100)
		sessions(ring, 5)
		time.Sleep(every + time.Millisecond)
		synctest.Wait()
		a.cancel()
		a.ended.Wait()
		st.is.Store(true)
		b, again := opened(t, st, 100)
		sessions(again, 2)
		list := again.Records()
		if len(list) != 7 || list[4].ID != "5" || list[5].ID == list[6].ID || !strings.Contains(list[5].ID, ".") {
			t.Errorf("it has %s", ids(again))
		}
		if news, _, _ := again.Since(5); len(news) != 2 {
			t.Errorf("%d sessions are new", len(news))
		}
		st.is.Store(false)
		time.Sleep(2 * every)
		sessions(again, 1) // more ids are taken
		synctest.Wait()
		sessions(again, 1)
		list = again.Records()
		if last := list[len(list)-1]; last.ID != fmt.Sprint(block+1) {
			t.Errorf("with room again, a session has the id %s", last.ID)
		}
		if err := b.Close(t.Context()); err != nil || count(t, st) != 9 {
			t.Errorf("%d sessions are kept, %v", count(t, st), err)
		}
	})
}

// TestStoreIsBack checks that what couldn't be written is written later.
func TestStoreIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &away{Store: state.NewMemory(nil)}
		a, ring := opened(t, st, 100)
		st.is.Store(true)
		sessions(ring, 5)
		time.Sleep(3 * every)
		st.is.Store(false)
		time.Sleep(2 * every)
		synctest.Wait()
		if n := count(t, st); n != 5 {
			t.Errorf("%d sessions are written", n)
		}
		if err := a.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
