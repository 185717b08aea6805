package memory

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/storetest"
)

func TestFullStore(t *testing.T) {
	t.Parallel()
	storetest.RunFull(t, func(t testing.TB, evict bool) store.Store {
		b := budget.New(1 << 20)
		s := New(Options{Room: b.Share(0), Evict: evict})
		t.Cleanup(func() {
			if err := s.Reset(t.Context()); err == nil && b.Used() != 0 {
				t.Errorf("an empty store holds %d bytes", b.Used())
			}
		})
		return s
	})
}

// TestNothingLeaks runs the whole suite with a bound that is never reached, and looks whether everything that was
// reserved is released.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) store.Store {
		b := budget.New(0)
		memos := b.Share(0)
		s := New(Options{Room: b.Share(0), Memos: memos})
		t.Cleanup(func() {
			if err := s.Reset(t.Context()); err == nil && b.Used() != 0 {
				t.Errorf("an empty store holds %d bytes, %d of them memos", b.Used(), memos.Used())
			}
		})
		return s
	})
}

// TestCosts compares what the store reserves with what it really takes.
func TestCosts(t *testing.T) {
	tests := map[string]func(s *Store, n int) error{
		"messages of 1 KiB": func(s *Store, n int) error {
			for range n {
				in := store.Incoming{Content: store.Bytes(make([]byte, 1024)), Envelope: store.Envelope{
					From: strings.Clone("alice@example.test"), Recipients: []string{strings.Clone("bob@example.test")}, Session: fmt.Sprint(n),
				}}
				if _, err := s.Deliver(t.Context(), []string{"bob"}, in); err != nil {
					return err
				}
			}
			return nil
		},
		"tiny messages": func(s *Store, n int) error {
			for range n {
				if _, err := s.Deliver(t.Context(), []string{"bob"}, store.Incoming{Content: store.Bytes("x")}); err != nil {
					return err
				}
			}
			return nil
		},
		"accounts": func(s *Store, n int) error {
			for i := range n / 10 {
				if _, err := s.OpenAccount(t.Context(), fmt.Sprintf("user-%d@example.test", i)); err != nil {
					return err
				}
			}
			return nil
		},
		"mailboxes": func(s *Store, n int) error {
			for i := range n / 10 {
				if err := s.Create(t.Context(), "u", fmt.Sprintf("a mailbox/%d", i), ""); err != nil {
					return err
				}
			}
			return nil
		},
		"subscriptions": func(s *Store, n int) error {
			for i := range n {
				if err := s.Subscribe(t.Context(), "u", fmt.Sprintf("a name/%d", i)); err != nil {
					return err
				}
			}
			return nil
		},
		"keywords": func(s *Store, n int) error {
			var box *mailbox
			for i := range n {
				if i%store.MaxKeywords == 0 {
					if err := s.Create(t.Context(), "u", fmt.Sprintf("box %d", i), ""); err != nil {
						return err
					}
					box = newBox(t, s, fmt.Sprintf("box %d", i), 10)
				}
				if _, err := s.SetFlags(t.Context(), box.id, []store.UID{store.UID(i%10 + 1)}, store.Replace, []string{fmt.Sprintf("Keyword-%d", i)}); err != nil {
					return err
				}
			}
			return nil
		},
	}
	const n = 20_000
	for name, fill := range tests {
		b := budget.New(0)
		s := New(Options{Room: b.Share(0)})
		before := inUse()
		if err := fill(s, n); err != nil {
			t.Fatal(err)
		}
		held, counted := inUse()-before, b.Used()
		runtime.KeepAlive(s)
		t.Logf("%s: %d bytes each are held, %d counted", name, held/n, counted/n)
		if held > counted*21/20 || held < counted/4 {
			t.Errorf("%s: the store holds %d bytes and counts %d", name, held, counted)
		}
	}
}

func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
