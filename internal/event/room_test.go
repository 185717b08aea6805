package event

import (
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

// counter is a Room.
type counter struct{ limit, used atomic.Int64 }

func (c *counter) Reserve(n int64) error {
	if c.used.Add(n) > c.limit.Load() {
		c.used.Add(-n)
		return errors.New("full")
	}
	return nil
}

func (c *counter) Release(n int64) { c.used.Add(-n) }

// longSession records a session of the greatest size.
func longSession(j *Ring) *Recorder { return sessionOf(j, "x") }

func sessionOf(j *Ring, letter string) *Recorder {
	r := j.Begin(Info{Door: 25, Client: "127.0.0.1:1"})
	for range 2 * maxEvents {
		line := Escape([]byte("NOOP " + strings.Repeat(letter, 450)))
		r.Command(&Command{Line: line, Verb: line[:4], Args: line[5:], Bytes: int64(len(line))}) // as the gate does
		r.Reply([]byte("250 "+strings.Repeat("y", 300)+"\r\n"), "")
	}
	return r
}

// TestRoom: what the ring holds stays within its room, and all of it is given back. The newest sessions are kept.
func TestRoom(t *testing.T) {
	t.Parallel()
	room := new(counter)
	room.limit.Store(2 << 20)
	j := NewRing(Options{Keep: 1000, Room: room})
	for range 50 {
		longSession(j).End(EndedByClient)
		j.Begin(Info{}).End(EndedByClient)
	}
	kept := j.Records()
	if len(kept) < 4 || len(kept) > 20 || kept[len(kept)-1].ID != "100" {
		t.Fatalf("%d sessions are kept, the last is %s", len(kept), kept[len(kept)-1].ID)
	}
	if ended, next, _ := j.Since(0); len(ended) != len(kept) || next != 100 {
		t.Errorf("Since: %d sessions, next %d", len(ended), next)
	}

	var open []*Recorder
	for range 100 {
		open = append(open, longSession(j))
	}
	last := open[99].Record()
	if n := len(last.Events); n > maxCrowded+64 || last.Elided == 0 || last.Counts.Commands != 2*maxEvents {
		t.Errorf("without room, a session keeps %d events of %d commands, %d elided", n, last.Counts.Commands, last.Elided)
	}
	for _, r := range open {
		r.End(EndedByClient)
	}
	j.Reset()
	if n := room.used.Load(); n != 0 {
		t.Errorf("an empty ring holds %d bytes", n)
	}
}

// TestCost compares what the ring reserves with what it really takes.
func TestCost(t *testing.T) {
	for _, letter := range []string{"x", "\x01", "ü"} {
		room := new(counter)
		room.limit.Store(1 << 40)
		j := NewRing(Options{Keep: 1000, Room: room})
		before := inUse()
		for range 30 {
			sessionOf(j, letter).End(EndedByClient)
		}
		held, counted := inUse()-before, room.used.Load()
		runtime.KeepAlive(j)
		t.Logf("a session of the greatest size, of %q, takes %d bytes, %d counted", letter, held/30, counted/30)
		if held > counted*11/10 || held < counted/2 {
			t.Errorf("%q: the ring holds %d bytes and counts %d", letter, held, counted)
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

// TestWalk: a walk yields what was there, in order, though records are forgotten and others end meanwhile.
func TestWalk(t *testing.T) {
	t.Parallel()
	j := NewRing(Options{Keep: 100})
	open := j.Begin(Info{})
	for range 100 {
		j.Begin(Info{}).End(EndedByClient)
	}
	var got []*Record
	for r := range j.Walk(0, true) {
		if got = append(got, r); len(got) == page {
			for range 30 {
				j.Begin(Info{}).End(EndedByClient)
			}
		}
	}
	if n := len(got); n != 100-30+page+1 && n != 100+1-30 || got[n-1].ID != open.ID() || got[n-2].ID != "101" {
		t.Errorf("%d records, the last %s", n, ids(got))
	}
	seen := map[string]bool{}
	for _, r := range got {
		if seen[r.ID] {
			t.Errorf("%s comes twice", r.ID)
		}
		seen[r.ID] = true
	}
	n := 0
	for range j.Walk(125, false) {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("a walk that was to stop went on to %d", n)
	}
}
