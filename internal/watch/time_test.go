package watch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

// counted is a log that counts how often it is asked, and may answer slowly.
type counted struct {
	*event.Ring
	mu    sync.Mutex
	turns int // number of checks for ended sessions
	opens int // number of checks of open sessions
	slow  time.Duration
}

func (l *counted) Since(n uint64) ([]*event.Record, uint64, <-chan struct{}) {
	l.mu.Lock()
	l.turns++
	slow := l.slow
	l.mu.Unlock()
	time.Sleep(slow)
	return l.Ring.Since(n)
}

func (l *counted) Open(most int) []*event.Record {
	l.mu.Lock()
	l.opens++
	l.mu.Unlock()
	return l.Ring.Open(most)
}

// during counts how often the log is asked during span, while n sessions begin and end at every interval.
func (l *counted) during(span, every time.Duration, n int) (turns, opens int) {
	l.mu.Lock()
	l.turns, l.opens = 0, 0
	l.mu.Unlock()
	for began := time.Now(); time.Since(began) < span; {
		for range n {
			l.come()
		}
		time.Sleep(every)
	}
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.turns, l.opens
}

// come begins a session that ends at once.
func (l *counted) come() {
	l.Begin(event.Info{Door: 143, Service: "imap", Reader: replies("imap"), Protocol: "imap", Client: "127.0.0.1:9", Server: "127.0.0.1:143"}).End(event.EndedByClient)
}

// watching runs a test with a watcher in a bubble of testing/synctest. Its table has only these rows.
func watching(t *testing.T, cfg Config, rows []diagnose.Row, test func(*testing.T, *Watcher, *counted)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg := cfg
		l := &counted{Ring: event.NewRing(event.Options{Keep: 1000})}
		cfg.Log, cfg.Table = l, &diagnose.Table{Protocols: all.Protocols(), Rows: rows}
		w := New(cfg)
		w.Start()
		defer w.Stop()
		test(t, w, l)
	})
}

// row returns a finding that is made when the sessions of a case satisfy a condition.
func row(id string, when func(*diagnose.Case) bool) []diagnose.Row {
	return []diagnose.Row{{ID: id, Severity: diagnose.Info, Title: "A title.", When: func(c *diagnose.Case) []diagnose.Evidence {
		if !when(c) {
			return nil
		}
		return []diagnose.Evidence{{Sessions: c.Sessions}}
	}}}
}

func always(*diagnose.Case) bool { return true }

// TestTurnsHaveAPause checks that sessions which end together are examined together, less often under load, and so
// rarely where a check is slow that it costs little.
func TestTurnsHaveAPause(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		every time.Duration // how often n sessions come
		n     int
		slow  time.Duration // how long each check takes
		span  time.Duration
		pause time.Duration // from the beginning of one turn to that of the next
	}{
		"few sessions":    {every: 5 * time.Millisecond, n: 1, span: 5 * time.Second, pause: 25 * time.Millisecond},
		"a load":          {every: 10 * time.Millisecond, n: 2 * loadRate / 100, span: 3 * time.Second, pause: 300 * time.Millisecond},
		"slow looks":      {every: 100 * time.Millisecond, n: 1, slow: 10 * time.Millisecond, span: 21 * time.Second, pause: 210 * time.Millisecond},
		"very slow looks": {every: time.Second, n: 1, slow: time.Second, span: 5 * time.Minute, pause: 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			watching(t, Config{}, nil, func(t *testing.T, w *Watcher, l *counted) {
				l.slow = tc.slow
				turns, _ := l.during(tc.span, tc.every, tc.n)
				want := int(tc.span / tc.pause)
				ticks := int(tc.span / max(tc.pause, time.Second)) // each causes another turn
				if turns < want*8/10 || turns > (want+ticks)*11/10+1 {
					t.Errorf("%d turns in %v, want about %d, and %d for open sessions", turns, tc.span, want, ticks)
				}
			})
		})
	}
}

// TestOpenSessionsAreLookedAt checks that open sessions are examined once a second, and one that Look names at once.
func TestOpenSessionsAreLookedAt(t *testing.T) {
	t.Parallel()
	early := row("early", always)
	early[0].Early = func(*diagnose.Case) bool { return true }
	watching(t, Config{}, early, func(t *testing.T, w *Watcher, l *counted) {
		if _, opens := l.during(time.Minute, time.Second, 0); opens < 59 || opens > 61 {
			t.Errorf("%d looks in a minute", opens)
		}
		time.Sleep(openPause / 10) // between two checks
		r := open(l.Ring)
		time.Sleep(2 * batchPause)
		synctest.Wait()
		if n := has(t, w, "early"); n != 0 {
			t.Errorf("%d findings before it was time to look", n)
		}
		w.Look(r.ID())
		time.Sleep(2 * batchPause)
		synctest.Wait()
		if n := has(t, w, "early"); n != 1 {
			t.Errorf("%d findings though the session was pointed out", n)
		}
		r.End(event.EndedByClient)
	})
}

// TestSilenceIsToldWhileItLasts checks that a row which waits for what an open session doesn't do gets its answer though nothing
// happens in it, and that the finding is taken back if the client has gone on by the time it leaves.
func TestSilenceIsToldWhileItLasts(t *testing.T) {
	t.Parallel()
	const waits = 5 * time.Second
	silent := row("silent", func(c *diagnose.Case) bool {
		return c.Sessions[0].Counts.Commands == 1 && c.Now.Sub(c.Sessions[0].Start) >= waits
	})
	silent[0].Early = always
	for name, goesOn := range map[string]bool{"it says nothing": false, "it goes on": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			watching(t, Config{}, silent, func(t *testing.T, w *Watcher, l *counted) {
				r := open(l.Ring)
				time.Sleep(waits - openPause)
				synctest.Wait()
				if n := has(t, w, "silent"); n != 0 {
					t.Errorf("%d findings too early", n)
				}
				time.Sleep(openAgain)
				synctest.Wait()
				if n := has(t, w, "silent"); n != 1 {
					t.Errorf("%d findings while it lasts", n)
				}
				want := 1
				if goesOn {
					r.Command(&event.Command{Line: "a NOOP", Tag: "a", Verb: "NOOP"})
					want = 0
				}
				r.End(event.EndedByClient)
				time.Sleep(2 * openPause)
				synctest.Wait()
				if n := has(t, w, "silent"); n != want {
					t.Errorf("%d findings in the end, want %d", n, want)
				}
			})
		})
	}
}

// TestPatience checks that a row which waits for what a client doesn't do gets its answer without another session, also where
// an open session has a time of its own.
func TestPatience(t *testing.T) {
	t.Parallel()
	const waits = 10 * time.Second
	never := row("never", func(c *diagnose.Case) bool { return c.Now.Sub(c.Sessions[0].End) >= waits })
	never[0].Early = always
	for name, beside := range map[string]bool{"alone": false, "beside an open session": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			watching(t, Config{}, never, func(t *testing.T, w *Watcher, l *counted) {
				l.come()
				if beside {
					defer open(l.Ring).End(event.EndedByClient)
				}
				time.Sleep(waits - time.Millisecond)
				synctest.Wait()
				if n := has(t, w, "never"); n != 0 {
					t.Errorf("%d findings too early", n)
				}
				time.Sleep(patience - waits + openPause)
				synctest.Wait()
				if n := has(t, w, "never"); n != 1 {
					t.Errorf("%d findings after %v", n, patience+openPause)
				}
			})
		})
	}
}

// TestSessionsAreForgotten checks that old sessions don't affect findings about new ones.
func TestSessionsAreForgotten(t *testing.T) {
	t.Parallel()
	two := row("two", func(c *diagnose.Case) bool { return len(c.Sessions) > 1 })
	for after, want := range map[time.Duration]int{30*time.Minute - time.Second: 1, 30*time.Minute + time.Second: 0} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			t.Parallel()
			watching(t, Config{}, two, func(t *testing.T, w *Watcher, l *counted) {
				l.come()
				time.Sleep(after)
				l.come()
				time.Sleep(openPause)
				synctest.Wait()
				if n := has(t, w, "two"); n != want {
					t.Errorf("%d findings, want %d", n, want)
				}
			})
		})
	}
}

// TestGrowthIsToldAgain checks that a growing finding is reported again, ten seconds later at the earliest.
func TestGrowthIsToldAgain(t *testing.T) {
	t.Parallel()
	var told []time.Time
	sessions := 0
	heard := func(f Finding) {
		told = append(told, time.Now())
		if len(f.Sessions) <= sessions {
			t.Errorf("told of %d sessions after %d", len(f.Sessions), sessions)
		}
		sessions = len(f.Sessions)
	}
	watching(t, Config{OnFinding: heard}, row("grows", always), func(t *testing.T, w *Watcher, l *counted) {
		for range 60 {
			l.come()
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if n := len(told); n < 5 || n > 6 {
			t.Errorf("told %d times in a minute", n)
		}
		for i := 1; i < len(told); i++ {
			if pause := told[i].Sub(told[i-1]); pause < 10*time.Second {
				t.Errorf("told again after %v", pause)
			}
		}
		if n := has(t, w, "grows"); n != 1 {
			t.Errorf("%d in the book", n)
		}
	})
}

// TestSettle checks that an answer waits for the findings about ended sessions, and gets them without a turn's pause,
// but doesn't wait for ever.
func TestSettle(t *testing.T) {
	t.Parallel()
	t.Run("in time", func(t *testing.T) {
		t.Parallel()
		watching(t, Config{}, row("one", always), func(t *testing.T, w *Watcher, l *counted) {
			time.Sleep(openPause / 2)
			l.come()
			began := time.Now()
			w.Settle(t.Context())
			if took := time.Since(began); took >= 25*time.Millisecond || has(t, w, "one") != 1 {
				t.Errorf("%d findings after %v", has(t, w, "one"), took)
			}
		})
	})
	t.Run("a book that hangs", func(t *testing.T) {
		t.Parallel()
		watching(t, Config{Book: hanging{NewMemory()}}, row("one", always), func(t *testing.T, w *Watcher, l *counted) {
			l.come()
			began := time.Now()
			w.Settle(context.Background())
			if took := time.Since(began); took != 300*time.Millisecond {
				t.Errorf("waited %v", took)
			}
		})
	})
}

// refusing is a book that accepts nothing, and counts.
type refusing struct {
	*Memory
	mu    sync.Mutex
	tries int
}

func (b *refusing) Add(context.Context, uint64, Finding) (Key, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tries++
	return 0, errors.New("no room")
}

// TestBookIsTriedAgain checks that a failing book is retried once a second.
func TestBookIsTriedAgain(t *testing.T) {
	t.Parallel()
	book := &refusing{Memory: NewMemory()}
	watching(t, Config{Book: book}, row("one", always), func(t *testing.T, w *Watcher, l *counted) {
		l.come()
		time.Sleep(time.Minute)
		synctest.Wait()
		book.mu.Lock()
		defer book.mu.Unlock()
		if book.tries < 25 || book.tries > 61 {
			t.Errorf("tried %d times in a minute", book.tries)
		}
	})
}
