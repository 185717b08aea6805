// Package bounds shows that mailrig stays within its bound on memory, whatever its clients do, and serves the others
// meanwhile. `go test` runs a small version. `make long` runs the one of docs/limits.md, for some minutes: it takes the
// bound that mailrig chooses by itself.
package bounds

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	long = flag.Bool("long", false, "run the large version, for some minutes")
	only = flag.String("only", "", "run only these steps")
)

// sizes are how much the clients bring.
type sizes struct {
	flags    []string
	uploads  int // unfinished ones of each kind: BDAT, DATA, APPEND
	upload   int // bytes of each
	messages int // of 1 KiB
	sessions int // of the greatest size
	wait     time.Duration
}

func load() sizes {
	if *long {
		return sizes{nil, 20, 49 << 20, 1_000_000, 1000, 100 * time.Millisecond}
	}
	return sizes{[]string{"--max-memory", "96MiB"}, 4, 10 << 20, 40_000, 60, 2 * time.Second} // other tests run beside it
}

// enough other clients come by in each step, so that one in a hundred is one.
const enough = 100

func TestBounds(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads a process's memory as Linux shows it")
	}
	n := load()
	r := start(t, n.flags...)
	t.Logf("the bound is %d MiB; at start %d MiB", r.bound>>20, r.memory(t, "VmRSS")>>20)
	// While the clients of this test send as fast as they can, they and the rig compete for the processors: then nobody
	// must wait ten times as long.
	for _, step := range []struct {
		name  string
		run   func(*testing.T, *rig, sizes, *times)
		least int // other clients that come by meanwhile
		wait  time.Duration
	}{
		{"uploads", unfinished, enough, 10 * n.wait},
		{"sessions", sessions, n.sessions / 12, 10 * n.wait}, // the short version's are over before many can come by
		{"list", listSessions, enough, 10 * n.wait},
		{"messages", messages, enough, n.wait},
	} {
		if *only != "" && !strings.Contains(*only, step.name) {
			continue
		}
		begin := time.Now()
		r.besides(t, step.name, step.least, step.wait, func(others *times) { step.run(t, r, n, others) })
		took := time.Since(begin).Round(time.Second)
		now, most := r.memory(t, "VmRSS"), r.memory(t, "VmHWM")
		t.Logf("%s: %v; now %d MiB, at most %d MiB", step.name, took, now>>20, most>>20)
		if most > r.bound {
			t.Errorf("%s: mailrig has taken %d MiB, its bound is %d MiB", step.name, most>>20, r.bound>>20)
		}
	}
}

// unfinished begins uploads and leaves them unfinished until all have sent everything but the end.
func unfinished(t *testing.T, r *rig, n sizes, _ *times) {
	line := strings.Repeat("z", 1022) + "\r\n"
	body := bytes.Repeat([]byte(line), n.upload/len(line))
	var group sync.WaitGroup
	var open []*conn
	for _, kind := range []struct {
		port  int
		steps []string
	}{
		{25, []string{"EHLO x\r\n", "250 ", "MAIL FROM:<a@example.test>\r\n", "250 ", "RCPT TO:<big@example.test>\r\n", "250 "}},
		{25, []string{"EHLO x\r\n", "250 ", "MAIL FROM:<a@example.test>\r\n", "250 ", "RCPT TO:<big@example.test>\r\n", "250 ", "DATA\r\n", "354 "}},
		{143, []string{"a LOGIN big x\r\n", "a OK", fmt.Sprintf("a APPEND INBOX {%d}\r\n", len(body)+1), "+ "}},
	} {
		for range n.uploads {
			c, err := r.open(kind.port)
			if err == nil {
				err = c.play(kind.steps...)
			}
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, c)
			group.Go(func() {
				if len(kind.steps) > 6 || kind.port == 143 {
					_, err = c.Write(body)
				} else {
					for rest := body; len(rest) > 0 && err == nil; { // BDAT in chunks
						k := min(len(rest), 1<<20)
						_, err = c.say(fmt.Sprintf("BDAT %d\r\n%s", k, rest[:k]), "250 ")
						rest = rest[k:]
					}
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
	r.besides(t, "uploads, all but the end of which has come", enough, n.wait, func(others *times) {
		others.await(t, enough) // that is what is measured: unfinished uploads that stay so
	})
	for _, c := range open {
		c.Close()
	}
}

// sessions leaves sessions that are as large as one can be.
func sessions(t *testing.T, r *rig, n sizes, _ *times) {
	pad := strings.Repeat("\x01", 480) // escaped, it is longer
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range n.sessions / 4 {
				c, err := r.open(25)
				if err != nil {
					t.Error(err)
					return
				}
				go func() {
					for i := range 600 {
						if _, err := fmt.Fprintf(c, "NOOP %d %s\r\n", i, pad); err != nil {
							return
						}
					}
					_, _ = io.WriteString(c, "QUIT\r\n")
				}()
				_, _ = io.Copy(io.Discard, c.r)
				c.Close()
			}
		})
	}
	group.Wait()
}

// messages sends messages of 1 KiB until all are sent, whether or not they are accepted.
func messages(t *testing.T, r *rig, n sizes, _ *times) {
	body := "Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("m", 62)+"\r\n", 16)
	const clients = 8
	var group sync.WaitGroup
	var mu sync.Mutex
	accepted, refused := 0, 0
	for i := range clients {
		group.Go(func() {
			c, err := r.open(25)
			if err == nil {
				err = c.play("EHLO x\r\n", "250 ")
			}
			yes, no := 0, 0
			for range n.messages / clients {
				if err != nil {
					t.Error(err)
					break
				}
				command := fmt.Sprintf("MAIL FROM:<a@example.test>\r\nRCPT TO:<u%d@example.test>\r\nDATA\r\n", i)
				if err = c.play(command, "250 ", "", "250 ", "", "354 "); err != nil {
					continue
				}
				var reply string
				if reply, err = c.say(body+".\r\n", "250 ", "452 4.3.1 "); strings.HasPrefix(reply, "2") {
					yes++
				} else {
					no++
				}
			}
			c.Close()
			mu.Lock()
			defer mu.Unlock()
			accepted += yes
			refused += no
		})
	}
	group.Wait()
	t.Logf("messages: %d accepted, %d refused with 452", accepted, refused)
	if accepted == 0 {
		t.Error("no message was accepted")
	}
}

// listSessions reads the list of sessions, several times at once, until enough other clients have come by.
func listSessions(t *testing.T, r *rig, _ sizes, others *times) {
	var group sync.WaitGroup
	var size, lists atomic.Int64
	for range 4 {
		group.Go(func() {
			for first := true; first || others.count() < enough; first = false {
				resp, err := http.Get(r.http + "/api/v1/sessions")
				if err != nil {
					t.Error(err)
					return
				}
				n, err := io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if err != nil || n == 0 {
					t.Errorf("%d bytes of sessions, %v", n, err)
					return
				}
				size.Store(n)
				lists.Add(1)
			}
		})
	}
	group.Wait()
	t.Logf("the list of sessions has %d MB; it was read %d times", size.Load()/1e6, lists.Load())
}
