package watch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

// failing is a book that can't be reached for a while.
type failing struct {
	*Memory
	mu   sync.Mutex
	down error
}

func (b *failing) is(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = err
}

func (b *failing) err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.down
}

func (b *failing) Generation(ctx context.Context) (uint64, error) {
	if err := b.err(); err != nil && err.Error() == "all" {
		return 0, err
	}
	return b.Memory.Generation(ctx)
}

func (b *failing) Add(ctx context.Context, generation uint64, f Finding) (Key, error) {
	if err := b.err(); err != nil {
		return 0, err
	}
	return b.Memory.Add(ctx, generation, f)
}

func (b *failing) Retract(ctx context.Context, key Key) error {
	if err := b.err(); err != nil {
		return err
	}
	return b.Memory.Retract(ctx, key)
}

// open begins a session in which a password is sent in clear.
func open(log *event.Ring) *event.Recorder {
	r := log.Begin(event.Info{Door: 143, Service: "imap", Reader: replies("imap"), Protocol: "imap", Security: "starttls", Client: "127.0.0.1:9", Server: "127.0.0.1:143"})
	r.Reply([]byte("* OK hi\r\n"), "")
	r.Command(said("imap", "a LOGIN x ***\r\n"))
	r.Reply([]byte("a OK done\r\n"), "")
	return r
}

func has(t *testing.T, w *Watcher, id string) int {
	t.Helper()
	found, _, _, err := w.Since(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return len(slices.DeleteFunc(found, func(f Finding) bool { return f.ID != id }))
}

// TestBookFails checks that the watcher retries what the book refuses, and then reports it once.
func TestBookFails(t *testing.T) {
	for _, what := range []string{"all", "writing"} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, book, told := event.NewRing(event.Options{Keep: 100}), &failing{Memory: NewMemory()}, 0
				w := New(Config{Log: log, Book: book, OnFinding: func(f Finding) {
					if f.ID == "password-sent-in-clear" {
						told++
					}
				}})
				w.Start()
				defer w.Stop()
				book.is(errors.New(what))
				open(log).End(event.EndedByClient)
				time.Sleep(time.Minute)
				synctest.Wait()
				if n := has(t, w, "password-sent-in-clear"); n != 0 || told != 0 {
					t.Fatalf("%d findings, told %d times, and nothing can be written", n, told)
				}
				book.is(nil)
				time.Sleep(2 * retryPause)
				synctest.Wait()
				if n := has(t, w, "password-sent-in-clear"); n != 1 || told != 1 {
					t.Errorf("%d findings, told %d times", n, told)
				}
			})
		})
	}
}

// TestHowSoon checks that a finding is made as soon as its session has ended, and within a second for an open session.
func TestHowSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := event.NewRing(event.Options{Keep: 100})
		w := New(Config{Log: log})
		w.Start()
		defer w.Stop()
		time.Sleep(10 * time.Second)
		open(log).End(event.EndedByClient)
		time.Sleep(2 * batchPause)
		synctest.Wait()
		if n := has(t, w, "password-sent-in-clear"); n != 1 {
			t.Errorf("%d findings shortly after the end", n)
		}
		r := open(log)
		time.Sleep(openPause + 2*batchPause)
		synctest.Wait()
		if n := has(t, w, "password-sent-in-clear"); n != 2 {
			t.Errorf("%d findings while the second session is open", n)
		}
		r.End(event.EndedByClient)
	})
}

// TestRowsAreAValue checks that a rig's own row is used, and told early only if the row allows it.
func TestRowsAreAValue(t *testing.T) {
	when := func(c *diagnose.Case) (all []diagnose.Evidence) {
		for _, s := range c.Sessions {
			if s.Service == "imap" {
				all = append(all, diagnose.Evidence{Sessions: []*diagnose.Facts{s}})
			}
		}
		return all
	}
	synctest.Test(t, func(t *testing.T) {
		log := event.NewRing(event.Options{Keep: 100})
		w := New(Config{Log: log, Table: &diagnose.Table{Protocols: all.Protocols(), Rows: []diagnose.Row{
			{ID: "early", Severity: diagnose.Info, Title: "Early.", When: when, Early: func(*diagnose.Case) bool { return true }},
			{ID: "late", Severity: diagnose.Info, Title: "Late.", When: when},
			{ID: "never", Severity: diagnose.Info, Title: "Never.", When: when, Early: func(*diagnose.Case) bool { return false }},
		}}})
		w.Start()
		defer w.Stop()
		r := open(log)
		is := func(early, late int) {
			t.Helper()
			time.Sleep(2 * openPause)
			synctest.Wait()
			for id, want := range map[string]int{"early": early, "late": late, "never": 0, "password-sent-in-clear": 0} {
				if n := has(t, w, id); n != want {
					t.Errorf("%d findings %s, want %d", n, id, want)
				}
			}
		}
		is(1, 0)
		r.End(event.EndedByClient)
		is(1, 1)
		if err := w.Check("early", "late"); err != nil {
			t.Error(err)
		}
		if err := w.Check("password-sent-in-clear"); err == nil {
			t.Error("a row of the product's is known to a rig that doesn't have it")
		}
	})
}

// TestResetLosesNoSession checks that a session which ends while the book is emptied is examined again.
func TestResetLosesNoSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := event.NewRing(event.Options{Keep: 100})
		w := New(Config{Log: log})
		w.Start()
		defer w.Stop()
		open(log).End(event.EndedByClient)
		log.Reset()
		open(log).End(event.EndedByClient)
		time.Sleep(time.Second) // the watcher has seen it by then
		synctest.Wait()
		if err := w.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * openPause)
		synctest.Wait()
		if n := has(t, w, "password-sent-in-clear"); n != 1 {
			t.Errorf("%d findings, want that of the session behind the reset", n)
		}
	})
}

// TestStopWithABookThatHangs checks that Stop waits for the last findings, but not for ever.
func TestStopWithABookThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := event.NewRing(event.Options{Keep: 100})
		w := New(Config{Log: log, Book: hanging{NewMemory()}})
		w.Start()
		open(log).End(event.EndedByClient)
		began := time.Now()
		w.Stop()
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("Stop took %v", took)
		}
	})
}

type hanging struct{ *Memory }

func (hanging) Add(ctx context.Context, _ uint64, _ Finding) (Key, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}
