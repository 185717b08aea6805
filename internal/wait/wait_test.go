package wait

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/transcript"
)

// rig is a rig in which only what a test adds happens.
type rig struct {
	mu       sync.Mutex
	mail     []Mail
	arrived  chan struct{}
	sessions []*event.Record
	found    []diagnose.Finding
	more     chan struct{} // sessions or findings
	err      error         // of every call that can fail
	looks    int           // number of calls of Mail
	counts   int           // number of checks of the sessions
	slow     time.Duration // how long Mail takes
}

func newRig() *rig { return &rig{arrived: make(chan struct{}, 1), more: make(chan struct{})} }

func (r *rig) with(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do()
	select {
	case r.arrived <- struct{}{}:
	default:
	}
	close(r.more)
	r.more = make(chan struct{})
}

func (r *rig) Language() Language {
	return Language{Doors: door.All(), Check: func(ids ...string) error {
		for _, id := range ids {
			if !strings.HasPrefix(id, "f") {
				return fmt.Errorf("no finding has the id %q", id)
			}
		}
		return nil
	}}
}

func (r *rig) Address(name string) string {
	if !strings.Contains(name, "@") {
		name += "@example.test"
	}
	return name
}

func (r *rig) Mail(ctx context.Context, _ uint64) ([]Mail, uint64, error) {
	select {
	case <-time.After(r.slow):
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looks++
	return slices.Clone(r.mail), uint64(len(r.mail)), r.err
}

func (r *rig) WatchMail(context.Context) (<-chan struct{}, func(), error) {
	return r.arrived, func() {}, nil
}

func (r *rig) Journal() event.Journal { return journal{r: r} }

// journal shows the rig's sessions.
type journal struct {
	event.Journal
	r *rig
}

func (j journal) Records() []*event.Record {
	r := j.r
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts++
	return slices.Clone(r.sessions)
}

func (j journal) Walk(uint64, bool) iter.Seq[*event.Record] { return slices.Values(j.Records()) }

func (j journal) Since(uint64) ([]*event.Record, uint64, <-chan struct{}) {
	r := j.r
	r.mu.Lock()
	defer r.mu.Unlock()
	return nil, 0, r.more
}

func (r *rig) FindingsSince(context.Context, uint64) ([]diagnose.Finding, uint64, <-chan struct{}, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.found), 0, r.more, r.err
}

func wait(r *rig, timeout time.Duration, c Condition) (Outcome, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return For(ctx, r, c)
}

func parse(t *testing.T, what What, texts ...string) []Matcher {
	t.Helper()
	m, err := (&rig{}).Language().Parse(what, texts...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func content(raw string) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) { return []byte(raw), nil }
}

func TestWhatFitsAMessage(t *testing.T) {
	t.Parallel()
	inbox := Mail{
		Mailbox: "alice@example.test", Folder: "INBOX", From: "carol@example.test", Recipients: []string{"alice@example.test"},
		FromHeader: "Zo\u00eb <zoe@other.test>", Subject: "Hi\r\n there",
		Read: content("Content-Transfer-Encoding: base64\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nWW91ciBjb2RlIGlzIDEyMzQ=\r\n"),
	}
	sent := Mail{Mailbox: "alice@example.test", Folder: "Sent", Subject: "Hi", Read: content("\r\n")}
	for _, tc := range []struct {
		text        string
		inbox, sent bool
	}{
		{"to:alice@example.test", true, false}, {"to:alice", true, false}, {"to:ALICE@Example.Test", true, false}, {"to:lice", false, false},
		{"to:bob", false, false}, {"from:carol", true, false}, {"from:Zo\u00eb", true, false}, {"from:zoe@other.test", true, false}, {"from:arol", false, false},
		{"subject:hi", true, true}, {"subject:hi there", true, false}, {"subject:hello", false, false}, {"to:alice subject:hello", false, false},
		{"body:your code is", true, false}, {"body:WW91", false, false}, {"folder:inbox", true, false}, {"folder:sent", false, true}, {"any", true, true},
	} {
		c := Condition{What: Messages, Match: parse(t, Messages, tc.text)}
		for _, m := range []struct {
			mail *Mail
			want bool
		}{{&inbox, tc.inbox}, {&sent, tc.sent}} {
			if got, err := MailTest(c.Match, newRig().Address)(t.Context(), m.mail); err != nil || got != m.want {
				t.Errorf("%s fits the one in %s: %v, %v", tc.text, m.mail.Folder, got, err)
			}
			if len(c.Match) == 1 { // of several, one may be true
				not := Matcher{Key: c.Match[0].Key, Value: c.Match[0].Value, Not: true}
				if got, err := MailTest([]Matcher{not}, newRig().Address)(t.Context(), m.mail); err != nil || got == m.want {
					t.Errorf("%s fits the one in %s: %v, %v", not, m.mail.Folder, got, err)
				}
			}
		}
	}
}

func TestWhatFitsASession(t *testing.T) {
	t.Parallel()
	s := &event.Record{
		Door: 993, Protocol: "imap", Client: "127.0.0.1:4711", TLS: &event.TLS{Handshake: event.Handshake{Outcome: event.Established}}, Injected: []string{"greylisting"},
		Logins: []event.Login{{User: "bob"}, {User: "alice@example.test", OK: true}}, End: time.Now(),
	}
	refused := &event.Record{Door: 143, Protocol: "imap", Client: "[::1]:4711", TLS: &event.TLS{}, Logins: []event.Login{{User: "bob"}}}
	none := &event.Record{Door: 25, Protocol: "smtp"}
	for text, want := range map[string][3]bool{
		"door:993": {true, false, false}, "door:143": {false, true, false}, "protocol:imap": {true, true, false}, "login:ok": {true, false, false},
		"login:refused": {false, true, false}, "login:none": {false, false, true}, "user:alice": {true, false, false}, "user:BOB": {true, true, false},
		"tls:yes": {true, false, false}, "tls:no": {false, true, true}, "client:127.0.0.1": {true, false, false}, "client:[::1]": {false, true, false},
		"scenario:greylisting": {true, false, false}, "ended:yes": {true, false, false}, "ended:no": {false, true, true},
		"protocol:imap login:ok door:993": {true, false, false}, "any": {true, true, true},
	} {
		c := Condition{What: Sessions, Match: parse(t, Sessions, text)}
		for i, x := range []*event.Record{s, refused, none} {
			if got := c.sessionFits(x, newRig().Address); got != want[i] {
				t.Errorf("%s fits session %d: %v", text, i, got)
			}
			if len(c.Match) == 1 {
				not := Condition{What: Sessions, Match: []Matcher{{Key: c.Match[0].Key, Value: c.Match[0].Value, Not: true}}}
				if got := not.sessionFits(x, newRig().Address); got == want[i] {
					t.Errorf("%s fits session %d: %v", not.Match[0], i, got)
				}
			}
		}
	}
}

func TestWordsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		what       What
		text, want string
	}{
		{Messages, "subjct:x", "did you mean subject:?"},
		{Messages, "to:a sbject:x", "did you mean subject:?"},
		{Messages, "door:25", "that is for a session"},
		{Sessions, "subject:x", "that is for a message"},
		{Messages, "hello", "doesn't say what to match"},
		{Sessions, "door:26", "door is \"26\"; it can be 25, 2525"},
		{Sessions, "protocol:http", "protocol is \"http\"; it can be smtp, pop3, imap"},
		{Sessions, "login:yes", "it can be ok, refused, none"},
		{Sessions, "xyz:1", "use door:, protocol:"},
	} {
		_, err := newRig().Language().Parse(tc.what, tc.text)
		var blame *BadCondition
		if !errors.As(err, &blame) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", tc.text, err)
		}
	}
	m := parse(t, Messages, "subject:Re: your order http://x to:bob", "subject:note: a")
	if want := "[subject:Re: your order http://x to:bob subject:note: a]"; fmt.Sprint(m) != want || len(m) != 3 {
		t.Errorf("%v", m)
	}
}

// TestDoorOfARigsOwn checks that the language follows the rig's doors rather than a fixed list.
func TestDoorOfARigsOwn(t *testing.T) {
	t.Parallel()
	l := Language{Doors: []door.Door{{Port: 4190, Protocol: "sieve"}}}
	if _, err := l.Parse(Sessions, "door:4190 protocol:sieve"); err != nil {
		t.Error(err)
	}
	if _, err := l.Parse(Sessions, "door:25"); err == nil || !strings.Contains(err.Error(), "it can be 4190") {
		t.Error(err)
	}
}

func TestConditionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]Condition{
		"can't wait for \"mail\"":     {What: "mail"},
		"no finding is named":         {What: Findings},
		"no finding has the id \"x\"": {What: Findings, IDs: []string{"x"}},
		"the count is -1":             {What: Messages, Count: -1},
		"no matcher door:":            {What: Messages, Match: []Matcher{{Key: "door", Value: "25"}}},
		"it can be yes, no":           {What: Sessions, Match: []Matcher{{Key: "tls", Value: "1.3"}}},
	} {
		_, err := wait(newRig(), time.Second, c)
		var blame *BadCondition
		if !errors.As(err, &blame) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestMetInTime checks that each kind of condition is met soon after what it waits for arrives, and not before.
func TestMetInTime(t *testing.T) {
	for what, add := range map[What]func(*rig){
		Messages: func(r *rig) { r.mail = append(r.mail, Mail{Subject: "Hi"}) },
		Sessions: func(r *rig) { r.sessions = append(r.sessions, &event.Record{Door: 25}) },
		Findings: func(r *rig) { r.found = append(r.found, diagnose.Finding{ID: "f1"}, diagnose.Finding{ID: "f2"}) },
	} {
		t.Run(string(what), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				c := Condition{What: what, Count: 2}
				if what == Findings {
					c.IDs = []string{"f1"}
				}
				began := time.Now()
				go func() {
					for range 2 {
						time.Sleep(time.Hour)
						r.with(func() { add(r) })
					}
				}()
				o, err := wait(r, 5*time.Hour, c)
				if err != nil || !o.Met || o.Count != 2 || len(o.Messages)+len(o.Sessions)+len(o.Findings) != 2 {
					t.Errorf("%+v %v", o, err)
				}
				if took := time.Since(began); took < 2*time.Hour || took > 2*time.Hour+time.Second {
					t.Errorf("met after %v", took)
				}
			})
		})
	}
}

// TestSessionThatHasBegun checks that For finds a session that has only begun, although nothing reports it.
func TestSessionThatHasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		go func() {
			time.Sleep(time.Minute)
			r.mu.Lock()
			defer r.mu.Unlock()
			r.sessions = append(r.sessions, &event.Record{Door: 25})
		}()
		began := time.Now()
		o, err := wait(r, time.Hour, Condition{What: Sessions})
		if took := time.Since(began); err != nil || !o.Met || took > time.Minute+time.Second {
			t.Errorf("%+v %v after %v", o, err, took)
		}
	})
}

// always makes something arrive every millisecond, until stop is called.
func (r *rig) always() (stop func()) {
	end := make(chan struct{})
	go func() {
		for {
			select {
			case <-end:
				return
			case <-time.After(time.Millisecond):
				r.with(func() {})
			}
		}
	}()
	return func() { close(end) }
}

// TestLooksAreFew checks that For pauses between two checks even if something keeps arriving: 20 ms, longer if a check
// takes long, and 100 ms for sessions that have begun, which nothing reports.
func TestLooksAreFew(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		what        What
		silent      bool // nothing is reported
		slow        time.Duration
		most, least int // checks in ten seconds
	}{
		"mail":                     {what: Messages, least: 450, most: 500},
		"much mail":                {what: Messages, slow: 10 * time.Millisecond, least: 80, most: 91},
		"sessions":                 {what: Sessions, least: 450, most: 500},
		"sessions that have begun": {what: Sessions, silent: true, least: 80, most: 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				r.slow = tc.slow
				if !tc.silent {
					defer r.always()()
				}
				if _, err := wait(r, 10*time.Second, Condition{What: tc.what, Count: 2}); err != nil {
					t.Fatal(err)
				}
				looks := r.looks
				if tc.what == Sessions {
					looks = r.counts
				}
				// After the timeout, For may check a few more times before it notices.
				if looks < tc.least || looks > tc.most+10 {
					t.Errorf("%d looks in ten seconds, want %d to %d", looks, tc.least, tc.most)
				}
			})
		})
	}
}

// TestMissedInTime checks that listing what arrived instead takes no more than two seconds.
func TestMissedInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.slow = time.Hour
		began := time.Now()
		_, err := wait(r, 5*time.Second, Condition{What: Messages})
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != 7*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		is := func(c Condition, want string) {
			t.Helper()
			o, err := wait(r, 3*time.Second, c)
			if err != nil || o.Met || o.Text != want {
				t.Errorf("%v\ngot  %s\nwant %s", err, o.Text, want)
			}
		}
		is(Condition{What: Messages}, "no message within 3s; no message arrived, and no client connected")
		session := &event.Record{ID: "7", Door: 25, Service: "smtp", Client: "127.0.0.1:1"}
		r.sessions = []*event.Record{session}
		came := "; one session began:\n  #7 " + transcript.Of(session).Summary()
		is(Condition{What: Messages}, "no message within 3s; no message arrived"+came)
		is(Condition{What: Sessions, Count: 2}, "only 1 of 2: session within 3s"+came)
		is(Condition{What: Findings, IDs: []string{"f1", "f2"}}, "no finding f1 or f2 within 3s; no other finding came up"+came)
		r.found = []diagnose.Finding{{ID: "f3", Sessions: []string{"7", "8", "9"}}, {ID: "f4", Severity: diagnose.Good}}
		is(Condition{What: Findings, IDs: []string{"f1"}}, "no finding f1 within 3s; one other finding came up:\n  f3 (sessions 7, 8 and 9)")
		for range lastFew + 1 {
			r.mail = append(r.mail, Mail{Mailbox: "a@b", Folder: "INBOX", Subject: "Hi"})
		}
		is(Condition{What: Messages, Match: []Matcher{{Key: "subject", Value: "Bye"}}}, "no message subject:Bye within 3s; 11 messages arrived, the last 10:"+strings.Repeat("\n  to a@b \"Hi\"", lastFew))
	})
}

// TestRigThatFails checks that an unreadable rig is an error, but not a BadCondition.
func TestRigThatFails(t *testing.T) {
	t.Parallel()
	r := newRig()
	r.err = errors.New("the store is gone")
	var blame *BadCondition
	for _, c := range []Condition{{What: Messages}, {What: Findings, IDs: []string{"f1"}}} {
		if _, err := wait(r, time.Minute, c); !errors.Is(err, r.err) || errors.As(err, &blame) {
			t.Errorf("%s: %v", c.What, err)
		}
	}
	r = newRig()
	r.mail = []Mail{{}}
	if _, err := wait(r, time.Minute, Condition{What: Messages, Match: []Matcher{{Key: "body", Value: "x"}}}); err == nil {
		t.Error("a message that can't be read is no message without these words")
	}
}
