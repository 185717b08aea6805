package event

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func ids(records []*Record) string {
	var out []string
	for _, r := range records {
		out = append(out, r.ID)
	}
	return strings.Join(out, " ")
}

func TestRing(t *testing.T) {
	t.Parallel()
	var ended []string
	j := NewRing(Options{Keep: 2, OnEnd: func(s *Record) { ended = append(ended, s.ID) }})
	open := j.Begin(Info{Door: 143, Scenarios: []string{"a"}})
	_, cursor, more := j.Since(0)
	for range 3 {
		j.Begin(Info{Door: 25}).End(EndedByClient)
	}
	select {
	case <-more:
	default:
		t.Error("Since's channel isn't closed")
	}
	news, cursor, more := j.Since(cursor)
	if ids(news) != "3 4" || cursor != 3 || strings.Join(ended, " ") != "2 3 4" {
		t.Errorf("since: %s, cursor %d, ended %v", ids(news), cursor, ended)
	}
	if news, next, _ := j.Since(cursor); len(news) != 0 || next != cursor {
		t.Errorf("since %d: %s, %d", cursor, ids(news), next)
	}
	select {
	case <-more:
		t.Error("Since's channel is closed, and nothing has ended")
	default:
	}
	if all := j.Records(); ids(all) != "3 4 1" || !all[2].End.IsZero() || all[2].Door != 143 {
		t.Errorf("records %s", ids(all))
	}
	if s, ok := j.Get("4"); !ok || s.EndedBy != EndedByClient {
		t.Errorf("Get of an ended one: %+v", s)
	}
	if s, ok := j.Get("1"); !ok || s.EndedBy != "" || s.Door != 143 {
		t.Errorf("Get of an open one: %+v", s)
	}
	if s, ok := j.Get("2"); ok || s != nil {
		t.Error("2 should have left the ring")
	}
	if !j.Busy() || ids(j.Open(1)) != "1" || j.Open(0) != nil {
		t.Errorf("busy %v, open %s", j.Busy(), ids(j.Open(1)))
	}

	j.Reset()
	if all := j.Records(); len(all) != 0 || j.Busy() {
		t.Errorf("after reset: %s", ids(all))
	}
	open.End(EndedByServer)
	if news, next, _ := j.Since(cursor); len(j.Records()) != 0 || len(news) != 0 || next != cursor {
		t.Errorf("a record that was open at the reset is kept: %s", ids(j.Records()))
	}
	j.Begin(Info{}).End(EndedByClient)
	if news, _, _ := j.Since(cursor); ids(news) != "5" {
		t.Errorf("after the reset: %s", ids(news))
	}
}

func TestRingKeepsNothing(t *testing.T) {
	t.Parallel()
	j := NewRing(Options{})
	_, _, more := j.Since(0)
	j.Begin(Info{}).End(EndedByClient)
	<-more
	if news, next, _ := j.Since(0); len(news) != 0 || next != 1 || len(j.Records()) != 0 {
		t.Errorf("%s, %d", ids(news), next)
	}
}

// Two rigs whose journals share readers can make ids of their own.
func TestIDsAreOpaque(t *testing.T) {
	t.Parallel()
	n := 'c'
	j := NewRing(Options{Keep: 9, NewID: func() string { n--; return "replica/" + string(n) }})
	one, two := j.Begin(Info{}), j.Begin(Info{})
	if one.ID() != "replica/b" || ids(j.Open(9)) != "replica/b replica/a" {
		t.Errorf("open: %s", ids(j.Open(9)))
	}
	two.End(EndedByClient)
	one.End(EndedByClient)
	if ids(j.Records()) != "replica/a replica/b" {
		t.Errorf("ended: %s", ids(j.Records()))
	}
}

// news drains a subscription and returns its news as text.
func news(s *Subscription) (out []string) {
	for {
		select {
		case n, ok := <-s.News:
			if !ok {
				return append(out, "end")
			}
			text := fmt.Sprint(n.ID, " ", n.What)
			if n.What == Grew {
				text += " " + string(n.Event.What.what())
			}
			out = append(out, text)
		default:
			return out
		}
	}
}

func TestSubscription(t *testing.T) {
	t.Parallel()
	j := NewRing(Options{Keep: 1})
	before := j.Begin(Info{})
	s := j.Subscribe(100)
	r := j.Begin(Info{})
	r.Reply([]byte("250-a\r\n"), "")
	r.Reply([]byte("250 b\r\n"), "")
	before.End(EndedByClient)
	r.Login(Login{User: "alice"})
	r.Command(&Command{Line: "QUIT"})
	r.End(EndedByServer)
	want := []string{
		"2 began", "1 grew ended", "1 closed", "2 grew reply", "2 grew login", "2 grew command", "2 grew ended", "2 closed",
	}
	if got := news(s); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	s.Close()
	s.Close()
	j.Begin(Info{})
	if got := news(s); !slices.Equal(got, []string{"end"}) || s.Lagged() {
		t.Errorf("after Close: %q, lagged %v", got, s.Lagged())
	}
}

func TestGrownEventsAreWhole(t *testing.T) {
	t.Parallel()
	j := NewRing(Options{})
	r := j.Begin(Info{Reader: &reader{}})
	s := j.Subscribe(100)
	r.Reply([]byte("250-a\r\n"), "")
	r.Reply([]byte("250 b\r\n"), "")
	r.Notice(Pipelined, "")
	n := <-s.News
	if reply := n.Event.What.(*Reply); reply.Text != "250-a\n250 b" || reply.Code != "250 b" || reply.Bytes != 14 {
		t.Errorf("%+v", reply)
	}
}

func TestSlowSubscribersAreDroppedAndTold(t *testing.T) {
	t.Parallel()
	j := NewRing(Options{})
	slow, quick := j.Subscribe(2), j.Subscribe(100)
	for range 4 {
		j.Begin(Info{})
	}
	if got := news(slow); !slices.Equal(got, []string{"1 began", "2 began", "end"}) || !slow.Lagged() {
		t.Errorf("slow: %q, lagged %v", got, slow.Lagged())
	}
	if got := news(quick); len(got) != 4 || quick.Lagged() {
		t.Errorf("quick: %q, lagged %v", got, quick.Lagged())
	}
	slow.Close()
	if !slow.Lagged() {
		t.Error("Close forgets that the reader was too slow")
	}
	again := j.Subscribe(0) // the buffer holds at least one
	j.Begin(Info{})
	if got := news(again); !slices.Equal(got, []string{"5 began"}) {
		t.Errorf("subscribed anew: %q", got)
	}
}

// Without a subscriber, a connection never takes the lock that subscribers share.
func TestNobodyListeningCostsNothing(t *testing.T) {
	t.Parallel()
	j := NewRing(Options{Keep: 1})
	j.Subscribe(1).Close()
	lagging := j.Subscribe(1)
	j.Begin(Info{})
	j.Begin(Info{}) // this drops it
	if !lagging.Lagged() {
		t.Fatal("still subscribed")
	}
	j.submu.Lock()
	defer j.submu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r := j.Begin(Info{})
		r.Command(&Command{Line: "NOOP"})
		r.Notice(Pipelined, "")
		r.End(EndedByClient)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("a connection waits for the subscribers' lock")
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	j := NewRing(Options{Keep: 10})
	r := j.Begin(Info{Reader: &reader{}})
	var writers, readers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			for k := range 200 {
				r.Command(&Command{Line: fmt.Sprint(i, k)})
				r.Reply([]byte("250 ok\r\n"), "")
				r.Body(Client, []byte("x"))
				r.Overheard(HeardLine{Text: "y"}, 1)
				r.Login(Login{User: "alice"})
				r.Stored(Stored{MessageID: "<1>"})
				r.Scenarios([]string{fmt.Sprint(k)})
				r.Injected(fmt.Sprint(k))
				r.MessageIn()
				r.MessageOut()
				r.Add(&Hello{}, "")
				j.Begin(Info{}).End(EndedByClient)
			}
		})
	}
	done := make(chan struct{})
	readers.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			for _, s := range j.Records() {
				_ = list(whats(s))
			}
			_, _ = j.Get(r.ID())
			s := j.Subscribe(1)
			news(s)
			s.Close()
			j.Since(0)
		}
	})
	readers.Go(func() { // a reader that keeps up while a connection speaks
		s := j.Subscribe(1 << 16)
		defer s.Close()
		for {
			select {
			case n, ok := <-s.News:
				if !ok {
					return
				}
				if n.What == Grew {
					_ = list([]What{n.Event.What})
				}
			case <-done:
				return
			}
		}
	})
	writers.Wait()
	r.End(EndedByServer)
	close(done)
	readers.Wait()
	if s := r.Record(); s.Counts.Commands != 800 || s.Counts.MessagesIn != 800 || s.Counts.MessagesOut != 800 {
		t.Errorf("%+v", s.Counts)
	}
}

// TestMinorRecordsLeaveFirst: what health checks leave behind doesn't push out the sessions of clients, and numbers stay right.
func TestMinorRecordsLeaveFirst(t *testing.T) {
	t.Parallel()
	j := NewRing(Options{Keep: 20, Minor: func(r *Record) bool { return r.Door == 25 }})
	for i := range 200 {
		door := 25
		if i%20 == 0 { // 1, 21, … 181
			door = 587
		}
		j.Begin(Info{Door: door}).End(EndedByClient)
	}
	var clients, checks []string
	for _, r := range j.Records() {
		if r.Door == 587 {
			clients = append(clients, r.ID)
		} else {
			checks = append(checks, r.ID)
		}
	}
	if got := strings.Join(clients, " "); got != "1 21 41 61 81 101 121 141 161 181" || len(checks) != 10 || checks[9] != "200" {
		t.Errorf("clients %s, checks %v", got, checks)
	}
	if news, next, _ := j.Since(170); ids(news) != "181 191 192 193 194 195 196 197 198 199 200" || next != 200 {
		t.Errorf("since 170: %s, %d", ids(news), next)
	}
	some, numbers := j.Before(190, 3)
	if ids(some) != "141 161 181" || !slices.Equal(numbers, []uint64{141, 161, 181}) {
		t.Errorf("before 190: %s, %v", ids(some), numbers)
	}
	var walked []*Record
	for r := range j.Walk(100, false) {
		walked = append(walked, r)
	}
	if ids(walked) != "101 121 141 161 181 191 192 193 194 195 196 197 198 199 200" {
		t.Errorf("walk: %s", ids(walked))
	}
}
