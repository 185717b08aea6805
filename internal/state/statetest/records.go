package statetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/state"
)

// values checks that what is written is read again, whatever it is, and belongs to whoever reads it.
func values(e *env) {
	_, err := e.Get(e.ctx, "a", "x")
	e.wantErr("a record that isn't there", err, state.ErrNone)
	large := bytes.Repeat([]byte("\x00\xff1\n"), 1<<20)
	for key, data := range map[string][]byte{
		"x": []byte("text"), "é/ü 'q' \\ %": {}, "nil": nil, "bytes": {0, 1, 2, 0xff, 0xfe}, "large": large, strings.Repeat("k", state.MaxKey): []byte("long key"),
	} {
		written := bytes.Clone(data)
		v := e.apply(state.Put("a", key, written))
		for i := range written {
			written[i]++ // the store has a copy
		}
		r, err := e.other(1).Get(e.ctx, "a", key)
		e.must(err)
		if r.Kind != "a" || r.Key != key || !bytes.Equal(r.Data, data) || r.Version != v || v <= 0 || !r.Due.IsZero() {
			e.Errorf("%q: %.40q, version %d of %d, due %v", key, r.Data, r.Version, v, r.Due)
		}
		for i := range r.Data {
			r.Data[i]++
		}
		if again := e.get("a", key); !bytes.Equal(again.Data, data) {
			e.Errorf("%q: a reader has changed it", key)
		}
	}
	n, size, err := e.Count(e.ctx, "a")
	e.must(err)
	if want := int64(len(large) + 4 + 5 + 8); n != 6 || size != want {
		e.Errorf("%d records of %d bytes, want 6 of %d", n, size, want)
	}
	due := time.Date(2031, 2, 3, 4, 5, 6, 789_012_345, time.UTC)
	e.apply(state.Put("a", "due", nil).At(due))
	if r := e.get("a", "due"); !r.Due.Equal(due.Truncate(time.Microsecond)) {
		e.Errorf("due at %v, want %v to the microsecond", r.Due, due)
	}
	if _, err := e.Get(e.ctx, "b", "x"); !errors.Is(err, state.ErrNone) {
		e.Errorf("another kind has the record: %v", err)
	}
}

func limits(e *env) {
	_, err := e.Apply(e.ctx, state.Put("a", "x", make([]byte, state.MaxData+1)))
	e.wantErr("too much data", err, state.ErrTooBig)
	for _, c := range []state.Change{
		state.Put("", "x", nil), state.Put("a", "", nil), state.Put(strings.Repeat("k", state.MaxKind+1), "x", nil), state.Put("a", strings.Repeat("k", state.MaxKey+1), nil),
		state.Put("a", "\x00", nil), state.Put("a", "\xff", nil), {Kind: "a", All: true},
	} {
		if _, err := e.Apply(e.ctx, state.Put("a", "other", nil), c); err == nil {
			e.Errorf("%+.80v is taken", c)
		}
	}
	if _, err := e.Apply(e.ctx, make([]state.Change, state.MaxChanges+1)...); err == nil {
		e.Error("too many changes are taken")
	}
	e.wantAll("a")
}

// conditions checks changes with a condition.
func conditions(e *env) {
	first := e.apply(state.Create("a", "x", []byte("1")))
	_, err := e.other(1).Apply(e.ctx, state.Create("a", "x", []byte("2")))
	e.wantErr("create what is there", err, state.ErrConflict)
	r := e.get("a", "x")
	second := e.apply(state.Replace(r, []byte("2")))
	if second <= first {
		e.Errorf("version %d behind %d", second, first)
	}
	_, err = e.other(1).Apply(e.ctx, state.Replace(r, []byte("3")))
	e.wantErr("replace what was replaced", err, state.ErrConflict)
	_, err = e.Apply(e.ctx, state.Done(r))
	e.wantErr("remove what was replaced", err, state.ErrConflict)
	e.wantAll("a", "x=2")
	e.apply(state.Done(e.get("a", "x")))
	_, err = e.Apply(e.ctx, state.Replace(r, nil))
	e.wantErr("replace what is gone", err, state.ErrConflict)
	e.apply(state.Remove("a", "x"))
	third := e.apply(state.Create("a", "x", []byte("4")))
	if third <= second {
		e.Errorf("a record that was made anew has version %d behind %d", third, second)
	}
	e.wantAll("a", "x=4")
}

// allOrNothing checks that changes with one that fails leave no trace, and that later ones see earlier ones.
func allOrNothing(e *env) {
	v := e.apply(state.Put("a", "x", []byte("1")), state.Put("b", "y", []byte("1")))
	if e.get("a", "x").Version != v || e.get("b", "y").Version != v {
		e.Errorf("what was written together has versions %d, %d and %d", v, e.get("a", "x").Version, e.get("b", "y").Version)
	}
	_, err := e.Apply(e.ctx, state.Put("a", "x", []byte("2")), state.Remove("b", "y"), state.Put("a", "new", nil), state.Create("a", "x", nil))
	e.wantErr("the last of four", err, state.ErrConflict)
	e.wantAll("a", "x=1")
	e.wantAll("b", "y=1")
	e.apply(state.Remove("a", "x"), state.Create("a", "x", []byte("3")), state.Clear("b"), state.Put("b", "z", []byte("1")))
	e.wantAll("a", "x=3")
	e.wantAll("b", "z=1")
	e.apply()
}

// list checks the order of keys and pages.
func list(e *env) {
	keys := []string{"a", "a/b", "ab", "b", "é", "10", "9", "B"}
	for _, key := range keys {
		e.apply(state.Put("k", key, []byte{'.'}), state.Put("other", key, nil))
	}
	e.wantAll("k", "10=.", "9=.", "B=.", "a=.", "a/b=.", "ab=.", "b=.", "é=.")
	var got []string
	for after := ""; ; {
		page, err := e.List(e.ctx, "k", after, 3)
		e.must(err)
		if len(page) == 0 {
			break
		}
		if len(page) > 3 {
			e.Fatalf("%d records, want at most 3", len(page))
		}
		got, after = append(got, texts(page)...), page[len(page)-1].Key
	}
	if len(got) != len(keys) {
		e.Errorf("the pages have %q", got)
	}
	if page, err := e.List(e.ctx, "k", "aa", 1); err != nil || len(page) != 1 || page[0].Key != "ab" || page[0].Version == 0 {
		e.Errorf("after a key that isn't there: %+v, %v", page, err)
	}
}

func clearing(e *env) {
	for i := range 5 {
		e.apply(state.Put("a", fmt.Sprint(i), []byte("x")), state.Put("b", fmt.Sprint(i), []byte("x")))
	}
	e.apply(state.Clear("a"), state.Clear("nothing"))
	e.wantAll("a")
	e.wantAll("b", "0=x", "1=x", "2=x", "3=x", "4=x")
}

// countTogether checks that of several who change one record, each sees what the others did.
func countTogether(e *env) {
	e.apply(state.Create("a", "n", []byte("0")))
	const each = 15
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			st := e.other(i)
			for range each {
				for {
					r, err := st.Get(e.ctx, "a", "n")
					if err != nil {
						e.Error(err)
						return
					}
					var n int
					_, _ = fmt.Sscan(string(r.Data), &n)
					_, err = st.Apply(e.ctx, state.Replace(r, fmt.Append(nil, n+1)))
					if err == nil {
						break
					}
					if !errors.Is(err, state.ErrConflict) {
						e.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	e.wantAll("a", fmt.Sprint("n=", 6*each))
}

func take(e *env) {
	for i, want := range []uint64{1, 2, 12} {
		got, err := e.other(i).Take(e.ctx, "a", []int{1, 10, 1}[i])
		e.must(err)
		if got != want {
			e.Errorf("got %d, want %d", got, want)
		}
	}
	if got, err := e.Take(e.ctx, "b", 3); err != nil || got != 1 {
		e.Errorf("another name begins at %d, %v", got, err)
	}
}

func takeTogether(e *env) {
	var mu sync.Mutex
	seen := map[uint64]bool{}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 10 {
				first, err := e.other(i).Take(e.ctx, "n", 3)
				if err != nil {
					e.Error(err)
					return
				}
				mu.Lock()
				for n := first; n < first+3; n++ {
					if seen[n] {
						e.Errorf("%d is handed out twice", n)
					}
					seen[n] = true
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != 240 {
		e.Errorf("%d numbers, want 240", len(seen))
	}
}

func contextEnds(e *env) {
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	_, err := e.Apply(ctx, state.Put("a", "x", nil))
	e.wantErr("Apply", err, context.Canceled)
	_, err = e.Get(ctx, "a", "x")
	e.wantErr("Get", err, context.Canceled)
	_, err = e.List(ctx, "a", "", 1)
	e.wantErr("List", err, context.Canceled)
	_, _, err = e.Claim(ctx, "a", 1, time.Minute)
	e.wantErr("Claim", err, context.Canceled)
	_, err = e.Take(ctx, "a", 1)
	e.wantErr("Take", err, context.Canceled)
	_, err = e.Watch(ctx, "a")
	e.wantErr("Watch", err, context.Canceled)
	e.wantAll("a")
}
