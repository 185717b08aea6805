package watch

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/mailrig/mailrig/internal/diagnose"
)

// titles returns the titles that a book reports since n.
func titles(t *testing.T, b Book, n uint64) (list []string, last uint64) {
	t.Helper()
	found, last, _, err := b.Since(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		list = append(list, f.Title)
	}
	return list, last
}

func TestBook(t *testing.T) {
	t.Parallel()
	ctx, b := t.Context(), NewMemory()
	var keys []Key
	for i, severity := range []diagnose.Severity{diagnose.Error, diagnose.Good, diagnose.Info} {
		key, err := b.Add(ctx, 0, Finding{Title: fmt.Sprint(i), Severity: severity})
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	is := func(n uint64, want ...string) {
		t.Helper()
		if got, _ := titles(t, b, n); !slices.Equal(got, want) {
			t.Errorf("since %d: %q, want %q", n, got, want)
		}
	}
	is(0, "0", "1", "2")
	is(1, "1", "2")
	is(3)
	is(99, "0", "1", "2") // a number from an earlier run

	grow := func(key Key, f Finding, again bool) {
		t.Helper()
		if err := b.Grow(ctx, 0, key, f, again); err != nil {
			t.Fatal(err)
		}
	}
	_, _, more, _ := b.Since(ctx, 0)
	grow(keys[0], Finding{Title: "0 grown", Severity: "error"}, false)
	is(0, "0 grown", "1", "2")
	select {
	case <-more:
		t.Error("growing in silence is no report")
	default:
	}
	grow(keys[0], Finding{Title: "0 again", Severity: "error"}, true)
	is(0, "1", "2", "0 again")
	is(3, "0 again")
	select {
	case <-more:
	default:
		t.Error("a report that nobody is told of")
	}
	if err := b.Retract(ctx, keys[1]); err != nil {
		t.Fatal(err)
	}
	is(0, "2", "0 again")
	grow(keys[1], Finding{Title: "gone", Severity: "good"}, false)
	is(0, "2", "0 again")

	if err := b.Empty(ctx); err != nil {
		t.Fatal(err)
	}
	is(0)
	if _, err := b.Add(ctx, 0, Finding{}); !errors.Is(err, ErrEmptied) {
		t.Errorf("a finding of before: %v", err)
	}
	if err := b.Grow(ctx, 0, keys[2], Finding{}, true); !errors.Is(err, ErrEmptied) {
		t.Errorf("growth of before: %v", err)
	}
	generation, _ := b.Generation(ctx)
	key, err := b.Add(ctx, generation, Finding{Title: "new"})
	if err != nil || slices.Contains(keys, key) {
		t.Errorf("key %d, %v", key, err)
	}
	if _, last := titles(t, b, 0); last != 5 {
		t.Errorf("the last number is %d: numbers go on", last)
	}
}
