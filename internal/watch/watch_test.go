package watch

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

// replies returns the reader of a protocol's replies.
func replies(name string) event.Reader { return protocol.Find(all.Protocols(), name).Replies }

// said returns a command line, already masked, as the gate records it.
func said(name, line string) *event.Command {
	line = strings.TrimSuffix(line, "\r\n")
	l := protocol.Find(all.Protocols(), name).Replies.Command(line)
	return &event.Command{Line: line, Tag: l.Tag, Verb: l.Verb, Args: l.Args, Secret: strings.HasSuffix(line, event.Mask), Bytes: int64(len(line) + 2)}
}

// deliver makes one session of a load of small messages.
func deliver(l *event.Ring, i int) {
	r := l.Begin(event.Info{Door: 25, Service: "smtp", Reader: replies("smtp"), Protocol: "smtp", Security: "starttls", Client: fmt.Sprintf("127.0.0.1:%d", 1024+i%60000), Server: "127.0.0.1:25"})
	for _, say := range [][2]string{
		{"", "220 mail.example.test ESMTP Service Ready"}, {"EHLO x", "250-Hello x\r\n250-PIPELINING\r\n250-AUTH PLAIN\r\n250 STARTTLS"},
		{"MAIL FROM:<a@example.test>", "250 2.0.0 OK"}, {"RCPT TO:<b@example.test>", "250 2.0.0 OK"}, {"DATA", "354 Go ahead"}, {"QUIT", "221 2.0.0 Bye"},
	} {
		if say[0] != "" {
			r.Command(said("smtp", say[0]+"\r\n"))
		}
		r.Reply([]byte(say[1]+"\r\n"), "")
		if say[0] == "DATA" {
			r.Body(event.Client, []byte("Subject: x\r\n\r\nx\r\n.\r\n"))
			r.Reply([]byte("250 2.0.0 OK: queued\r\n"), "")
			r.MessageIn()
			r.Stored(event.Stored{Recipients: []string{"b@example.test"}, Sum: fmt.Sprint(i), MessageID: fmt.Sprint(i)})
		}
	}
	r.End(event.EndedByServer)
}

// BenchmarkTurn measures a turn under load. There are three in a second.
func BenchmarkTurn(b *testing.B) {
	log := event.NewRing(event.Options{Keep: 1000})
	w := New(Config{Log: log, OnFinding: func(Finding) {}})
	n := 0
	for b.Loop() {
		b.StopTimer()
		for range 500 {
			deliver(log, n)
			n++
		}
		b.StartTimer()
		w.turn(nil, false)
	}
}

// TestWatcherIsBounded checks that memory stays bounded, however many sessions, clients and findings there are.
func TestWatcherIsBounded(t *testing.T) {
	t.Parallel()
	log := event.NewRing(event.Options{Keep: 1000})
	w := New(Config{Log: log})
	for i := range 60 {
		for j := range 30 {
			deliver(log, j)
			r := log.Begin(event.Info{Door: 143, Service: "imap", Reader: replies("imap"), Protocol: "imap", Security: "starttls", Client: fmt.Sprintf("192.0.2.%d:1", i), Server: "127.0.0.1:143"})
			r.Reply([]byte("* OK hi\r\n"), "")
			r.Command(said("imap", "a LOGIN x ***\r\n"))
			r.End(event.EndedByClient)
		}
		w.turned = time.Time{} // long ago: otherwise this would be a load, and only samples would be examined
		w.turn(nil, i%7 == 0)
	}
	if n := len(w.clients); n > maxClients {
		t.Errorf("%d clients", n)
	}
	for key, c := range w.clients {
		if len(c.sessions) > windowSize {
			t.Errorf("%s has %d sessions", key, len(c.sessions))
		}
		for _, s := range c.sessions {
			if len(s.entries) > 20 {
				t.Errorf("session %s has %d findings", s.ID, len(s.entries))
			}
		}
	}
	book := w.cfg.Book.(*Memory)
	if len(book.bad) != maxFindings || len(book.good) > maxFindings {
		t.Errorf("%d and %d findings", len(book.bad), len(book.good))
	}
	found, last, _, _ := book.Since(t.Context(), 0)
	if len(found) < maxFindings || last < 2000 {
		t.Errorf("%d found, %d in all", len(found), last)
	}
}

// TestWindowHasRoom: what findings look at stays within its bytes, whoever the clients are. The session that ended last
// is looked at all the same.
func TestWindowHasRoom(t *testing.T) {
	t.Parallel()
	const room = 2 << 20
	log := event.NewRing(event.Options{Keep: 1000})
	w := New(Config{Log: log, Memory: room})
	for i := range 40 {
		r := log.Begin(event.Info{Door: 25, Service: "smtp", Reader: replies("smtp"), Protocol: "smtp", Client: fmt.Sprintf("192.0.2.%d:1", i%5), Server: "127.0.0.1:25"})
		for range 500 {
			r.Command(said("smtp", "NOOP "+strings.Repeat("\x01", 300)+"\r\n"))
			r.Reply([]byte("250 ok\r\n"), "")
		}
		r.End(event.EndedByClient)
		w.turned = time.Time{} // long ago: otherwise this would be a load, and only samples would be examined
		w.turn(nil, false)
		held, found := int64(0), false
		for _, c := range w.clients {
			for _, s := range c.sessions {
				held += s.size
				found = found || s.ID == r.ID()
			}
		}
		if held > room || !found {
			t.Fatalf("after %d sessions the watcher holds %d bytes; that it holds the last one is %v", i+1, held, found)
		}
	}
}

// TestProbesLeaveFirst checks that a health check doesn't push out what a client did, and that there is room for both.
func TestProbesLeaveFirst(t *testing.T) {
	t.Parallel()
	log := event.NewRing(event.Options{Keep: 1000})
	w := New(Config{Log: log, Minor: func(r *event.Record) bool { return r.Counts.MessagesIn == 0 }})
	turn := func() (real, probes int) {
		w.turned = time.Time{} // long ago: otherwise this would be a load, and only samples would be examined
		w.turn(nil, false)
		for _, s := range w.clients["loopback"].sessions {
			if s.minor {
				probes++
			} else {
				real++
			}
		}
		return real, probes
	}
	for i := range 10 {
		deliver(log, i)
	}
	turn()
	for range 30 {
		for range 10 {
			r := log.Begin(event.Info{Door: 25, Service: "smtp", Reader: replies("smtp"), Protocol: "smtp", Client: "127.0.0.1:7", Server: "127.0.0.1:25"})
			r.Reply([]byte("220 hi\r\n"), "")
			r.End(event.EndedByClient)
		}
		turn()
	}
	if real, probes := turn(); real != 10 || probes != windowSize-10 {
		t.Errorf("after 300 probes, %d deliveries of 10 and %d probes are known", real, probes)
	}
	for i := range 2 * windowSize {
		deliver(log, i)
		turn()
	}
	if real, probes := turn(); real+probes != windowSize || probes != 0 {
		t.Errorf("after %d deliveries, %d of them and %d probes are known", 2*windowSize, real, probes)
	}
}

// TestLostEndIsFound checks that a session which was seen open, and whose end was lost in a large turn, doesn't stay
// open for ever.
func TestLostEndIsFound(t *testing.T) {
	t.Parallel()
	log := event.NewRing(event.Options{Keep: 1000})
	w := New(Config{Log: log})
	r := log.Begin(event.Info{Door: 143, Service: "imap", Reader: replies("imap"), Protocol: "imap", Client: "127.0.0.1:9", Server: "127.0.0.1:143"})
	r.Reply([]byte("* OK hi\r\n"), "")
	w.turn(nil, true)
	gone := log.Begin(event.Info{Door: 143, Service: "imap", Reader: replies("imap"), Protocol: "imap", Client: "127.0.0.1:8", Server: "127.0.0.1:143"})
	w.turn(nil, true)
	r.End(event.EndedByClient)
	for i := range 4 * sampleSize {
		deliver(log, i)
	}
	w.turn(nil, true)
	open := func() (ids []string) {
		for _, s := range w.clients["loopback"].sessions {
			if s.End.IsZero() {
				ids = append(ids, s.ID)
			}
		}
		return ids
	}
	if got := open(); len(got) > 1 || len(got) == 1 && got[0] != gone.ID() {
		t.Errorf("%v are taken for open", got)
	}
	log.Reset() // forgets the open sessions
	w.turn(nil, true)
	if got := open(); len(got) != 0 {
		t.Errorf("%v are taken for open after a reset", got)
	}
}

// TestMatch checks that two findings with one id about one session stay two, and that a growing one stays one.
func TestMatch(t *testing.T) {
	t.Parallel()
	bob := &entry{Finding: Finding{ID: "delivered-twice", Title: "bob", Sessions: []string{"1"}}}
	fast := &entry{Finding: Finding{ID: "reconnected-too-fast", Title: "3 times", Sessions: []string{"1", "2"}}}
	byID := map[string]*watched{"1": {entries: []*entry{bob, fast}}, "2": {entries: []*entry{fast}}, "3": {}}
	found := []Finding{
		{ID: "delivered-twice", Title: "carol", Sessions: []string{"1"}},
		{ID: "delivered-twice", Title: "bob", Sessions: []string{"1"}},
		{ID: "reconnected-too-fast", Title: "4 times", Sessions: []string{"2", "3"}},
		{ID: "reconnected-too-fast", Title: "5 times", Sessions: []string{"3"}},
	}
	got := match(found, byID)
	if got[0] != nil || got[1] != bob || got[2] != fast || got[3] != nil {
		t.Errorf("%v", got)
	}
}

// TestOpenSessionOutlivesMany checks that a finding about an open session is reported once, however many sessions come
// and go meanwhile.
func TestOpenSessionOutlivesMany(t *testing.T) {
	t.Parallel()
	log := event.NewRing(event.Options{Keep: 1000})
	told := 0
	w := New(Config{Log: log, OnFinding: func(f Finding) {
		if f.ID == "password-sent-in-clear" {
			told++
		}
	}})
	r := log.Begin(event.Info{Door: 143, Service: "imap", Reader: replies("imap"), Protocol: "imap", Security: "starttls", Client: "127.0.0.1:9", Server: "127.0.0.1:143"})
	r.Reply([]byte("* OK hi\r\n"), "")
	r.Command(said("imap", "a LOGIN x ***\r\n"))
	r.Reply([]byte("a OK done\r\n"), "")
	for range 4 {
		w.turned = time.Time{} // long ago: no load
		w.turn(nil, true)
		for j := range windowSize + 1 {
			deliver(log, j)
		}
	}
	w.turned = time.Time{}
	w.turn(nil, true)
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}

// TestWindowCost compares what the watcher counts for a session with what it really takes.
func TestWindowCost(t *testing.T) {
	log := event.NewRing(event.Options{Keep: 0}) // only the watcher holds the session
	record := func() *diagnose.Facts {
		r := log.Begin(event.Info{Door: 25, Service: "smtp", Reader: replies("smtp"), Protocol: "smtp", Client: "192.0.2.1:1", Server: "127.0.0.1:25"})
		for range 500 {
			r.Command(said("smtp", "NOOP x\r\n"))
			r.Reply([]byte("250 ok\r\n"), "")
		}
		r.End(event.EndedByClient)
		return diagnose.Product().Extract(r.Record())
	}
	inUse := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, counted := inUse(), int64(0)
	c := &client{}
	const sessions = 20
	for range sessions {
		c.put(record(), false)
	}
	held := inUse() - before
	for _, s := range c.sessions {
		counted += s.size
	}
	runtime.KeepAlive(c)
	t.Logf("a session of 500 commands takes %d bytes, %d counted", held/sessions, counted/sessions)
	if held > counted*11/10 || held < counted/2 {
		t.Errorf("the watcher holds %d bytes and counts %d", held, counted)
	}
}
