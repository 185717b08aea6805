package bounds

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestManyKept delivers messages of 1 KiB over 16 connections to a mailrig that keeps them, with -long a million, and starts it
// again. It logs deliveries per second and how long the start takes, which depend on the machine; the memory has a bound.
func TestManyKept(t *testing.T) {
	if *only != "" && !strings.Contains(*only, "many") {
		t.Skip("not asked for")
	}
	const bound = 250 << 20
	n := int64(2000)
	if *long {
		n = 1_000_000
	}
	program, dir := compile(t), t.TempDir()
	r := run(t, []string{program}, io.Discard, "--data", dir)
	began := time.Now()
	r.flood(t, n, 0)
	took := time.Since(began)
	rss, peak := r.memory(t, "VmRSS"), r.memory(t, "VmHWM")
	t.Logf("%d messages in %v, %.0f/s; %d MB of memory, at most %d MB", n, took.Round(time.Millisecond), float64(n)/took.Seconds(), rss>>20, peak>>20)
	if peak > bound {
		t.Errorf("mailrig took %d MB with %d messages, want less than %d", peak>>20, n, bound>>20)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		began = time.Now()
		r = run(t, []string{program}, io.Discard, "--data", dir)
		t.Logf("with %d messages it is ready after %v", n, time.Since(began).Round(time.Millisecond))
		if got := r.inbox(t, "u7"); got != int(n/100) {
			t.Fatalf("an INBOX has %d messages, want %d", got, n/100)
		}
		if err := r.end(); err != nil {
			t.Fatal(err)
		}
	}
}

// flood delivers n messages of 1 KiB to 100 users, over 16 connections.
func (r *rig) flood(t *testing.T, n, from int64) {
	t.Helper()
	body := strings.Repeat(strings.Repeat("x", 62)+"\r\n", 15)
	var next atomic.Int64
	next.Store(from)
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			c, err := r.open(25)
			if err == nil {
				err = c.play("EHLO x\r\n", "250 ")
			}
			for err == nil {
				i := next.Add(1) - 1
				if i >= from+n {
					break
				}
				err = c.play("MAIL FROM:<a@b.test>\r\n", "250 ", fmt.Sprintf("RCPT TO:<u%d>\r\n", i%100), "250 ", "DATA\r\n", "354 ",
					fmt.Sprintf("Subject: %d\r\nFrom: a@b.test\r\n\r\n%s.\r\n", i, body), "250 ")
			}
			if err != nil {
				t.Error(err)
				return
			}
			c.Close()
		})
	}
	group.Wait()
	if t.Failed() {
		t.FailNow()
	}
}
