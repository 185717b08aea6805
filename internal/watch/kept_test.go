package watch

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/state"
)

func openedBook(t *testing.T, st state.Store) *Kept {
	t.Helper()
	b, err := OpenKept(t.Context(), st, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestBookIsKept checks that a book that was closed, or whose process ended, is the same later, and that numbers go on.
func TestBookIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, st := t.Context(), state.NewMemory(nil)
		b := openedBook(t, st)
		at := 3 * time.Second
		whole := Finding{ID: "id", Severity: diagnose.Error, Title: "0", Explanation: "e", Advice: "a", Guess: true, Client: "127.0.0.1", Door: 25, Sessions: []string{"1", "2"},
			Injected: []string{"s"}, At: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Command: &at}
		var keys []Key
		for _, f := range []Finding{whole, {Title: "1", Severity: diagnose.Good}, {Title: "2", Severity: diagnose.Info}} {
			key, err := b.Add(ctx, 0, f)
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key)
		}
		time.Sleep(2 * writeEvery)
		synctest.Wait()
		whole.Title, whole.Sessions = "0 grown", append(whole.Sessions, "3")
		if err := errors.Join(b.Grow(ctx, 0, keys[0], whole, false), b.Grow(ctx, 0, keys[1], Finding{Title: "1 again", Severity: diagnose.Good}, true), b.Retract(ctx, keys[2])); err != nil {
			t.Fatal(err)
		}
		if err := b.Close(ctx); err != nil {
			t.Fatal(err)
		}

		b = openedBook(t, st)
		found, last, _, _ := b.Since(ctx, 0)
		if len(found) != 2 || !reflect.DeepEqual(found[0], whole) || found[1].Title != "1 again" || last != 4 {
			t.Errorf("kept up to %d: %+v", last, found)
		}
		if _, err := b.Add(ctx, 0, Finding{Title: "new"}); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * writeEvery)
		synctest.Wait()
		b.cancel() // it ends without Close
		b.ended.Wait()

		b = openedBook(t, st)
		if list, last := titles(t, b, 0); !slices.Equal(list, []string{"0 grown", "1 again", "new"}) || last <= 5 {
			t.Errorf("after a crash, up to %d: %q", last, list)
		}
		if err := b.Empty(ctx); err != nil {
			t.Fatal(err)
		}
		b.cancel()
		b.ended.Wait()
		if n, _, _ := st.Count(ctx, kindFinding); n != 0 {
			t.Errorf("%d findings are left in an empty book", n)
		}
	})
}

// TestSharedBooks checks that processes which share records write over nothing of each other's.
func TestSharedBooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, st := t.Context(), state.NewMemory(nil)
		a, b := openedBook(t, st), openedBook(t, st)
		for i := range 3 {
			for name, book := range map[string]*Kept{"a": a, "b": b} {
				if _, err := book.Add(ctx, 0, Finding{Title: fmt.Sprint(name, i)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := errors.Join(a.Close(ctx), b.Close(ctx)); err != nil {
			t.Fatal(err)
		}
		c := openedBook(t, st)
		list, _ := titles(t, c, 0)
		slices.Sort(list)
		if !slices.Equal(list, []string{"a0", "a1", "a2", "b0", "b1", "b2"}) {
			t.Errorf("kept: %q", list)
		}
		if err := c.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if n, _, _ := st.Count(ctx, kindFinding); n != 6 {
			t.Errorf("%d findings are kept", n)
		}
	})
}

// TestConcludeIsAboutThisRun checks that sessions of before aren't examined once more.
func TestConcludeIsAboutThisRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, st := t.Context(), state.NewMemory(nil)
		log := event.NewRing(event.Options{Keep: 100})
		b := openedBook(t, st)
		w := New(Config{Log: log, Book: b})
		w.Start()
		open(log).End(event.EndedByClient)
		time.Sleep(time.Second)
		w.Stop()
		if err := b.Close(ctx); err != nil {
			t.Fatal(err)
		}
		b = openedBook(t, st)
		later := event.NewRing(event.Options{Keep: 100, Begin: 1, Restored: true})
		later.Restore([]event.Past{{Record: log.Records()[0], Number: 1}})
		w = New(Config{Log: later, Book: b, After: 1})
		w.Start()
		time.Sleep(time.Second)
		if found, err := w.Conclude(ctx); err != nil || len(found) != 0 {
			t.Errorf("%d findings about nothing, %v", len(found), err)
		}
		if n := has(t, w, "password-sent-in-clear"); n != 1 {
			t.Errorf("%d findings are kept, want the one of before", n)
		}
		open(later).End(event.EndedByClient)
		time.Sleep(time.Second)
		w.Stop()
		if found, err := w.Conclude(ctx); err != nil || len(found) == 0 {
			t.Errorf("%d findings about a session of this run, %v", len(found), err)
		}
		if n := has(t, w, "password-sent-in-clear"); n != 2 {
			t.Errorf("%d findings, want another one", n)
		}
		if err := b.Close(ctx); err != nil {
			t.Fatal(err)
		}
	})
}
