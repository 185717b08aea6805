package event

import (
	"errors"
	"testing"
	"testing/synctest"
)

// past returns records that ended before.
func past(numbers ...uint64) (list []Past) {
	for _, n := range numbers {
		list = append(list, Past{&Record{ID: string(rune('a' + n)), EndedBy: EndedByClient}, n})
	}
	return list
}

// TestRestore checks that readers wait for the records of before, that these come first, and that nobody else waits.
func TestRestore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := NewRing(Options{Keep: 4, Begin: 10, Restored: true})
		j.Begin(Info{}).End(EndedByClient)
		if news, next, _ := j.Since(10); ids(news) != "1" || next != 11 {
			t.Errorf("since 10: %s, up to %d", ids(news), next)
		}
		if s, ok := j.Get("1"); !ok || s == nil {
			t.Error("the first session of this run isn't there")
		}
		read := make(chan string, 5)
		go func() { list, _, _ := j.Since(3); read <- ids(list) }()
		go func() { list, _ := j.Before(99, 3); read <- ids(list) }()
		go func() { read <- ids(j.Records()) }()
		go func() {
			var all []*Record
			for r := range j.Walk(0, false) {
				all = append(all, r)
			}
			read <- ids(all)
		}()
		go func() { s, _ := j.Get("e"); read <- s.ID }()
		synctest.Wait()
		if n := len(read); n != 0 {
			t.Fatalf("%d readers haven't waited", n)
		}
		j.Restore(past(2, 3, 4, 7))
		synctest.Wait()
		got := map[string]bool{}
		for len(read) > 0 {
			got[<-read] = true
		}
		for _, want := range []string{"e h 1", "d e h 1", "e"} {
			if !got[want] {
				t.Errorf("nobody read %q: %v", want, got)
			}
		}
		j.Begin(Info{}).End(EndedByClient)
		if got := ids(j.Records()); got != "e h 1 2" {
			t.Errorf("with another one: %s", got)
		}
	})
}

// limited is room for some bytes.
type limited struct{ left int64 }

func (r *limited) Reserve(n int64) error {
	if n > r.left {
		return errors.New("full")
	}
	r.left -= n
	return nil
}

func (r *limited) Release(n int64) { r.left += n }

// TestRestoreWithoutRoom checks that the latest records stay if there isn't room for all, and that their room is given back.
func TestRestoreWithoutRoom(t *testing.T) {
	t.Parallel()
	one := past(1)[0].Size()
	room := &limited{2*one + one/2}
	j := NewRing(Options{Keep: 100, Begin: 10, Restored: true, Room: room})
	j.Restore(past(1, 2, 3, 4))
	if got := ids(j.Records()); got != "d e" {
		t.Errorf("restored %s", got)
	}
	j.Reset()
	if room.left != 2*one+one/2 {
		t.Errorf("%d bytes are free, want all", room.left)
	}
}
