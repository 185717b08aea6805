package event

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

// reader returns the verdict that a reply's last line names, and records what it was asked.
type reader struct{ asked []string }

func (r *reader) Verdict(tag string, lines []string, greeting bool) Verdict {
	r.asked = append(r.asked, fmt.Sprintf("%s %v %s", tag, greeting, strings.Join(lines, "|")))
	return Verdict{Class: OK, Code: lines[len(lines)-1]}
}

func begin(keep int, info Info) (*Ring, *Recorder) {
	j := NewRing(Options{Keep: keep})
	return j, j.Begin(info)
}

func whats(r *Record) (out []What) {
	for _, e := range r.Events {
		out = append(out, e.What)
	}
	return out
}

func TestRepliesAndBodiesJoin(t *testing.T) {
	t.Parallel()
	_, r := begin(2, Info{Door: 25, Service: "smtp", Protocol: "smtp", Reader: &reader{}})
	r.Reply([]byte("250-a\r\n"), "")
	r.Reply([]byte("250 b\r\n"), "")
	r.Reply([]byte("250 c\r\n"), "greylisting")
	r.Command(&Command{Line: "DATA", Verb: "DATA", Bytes: 6})
	for range 10 {
		r.Body(Client, []byte(strings.Repeat("x", 100)))
	}
	r.EndBody(Client, Lines{CRLF: 1})
	r.Body(Client, []byte("the next one\r\n"))
	r.Command(&Command{Line: "caf\xe9 \x00\x1b[31m", Verb: "CAF\xe9", Args: "\x00\x1b[31m", Bytes: 12})
	r.Finish([]byte("DONE\r\n"), 6)
	r.Body(Server, []byte("cut off \xff"))
	s := r.Record()
	want := []What{
		&Reply{Text: "250-a\n250 b", Bytes: 14, Greeting: true, Verdict: Verdict{Class: OK, Code: "250 b"}},
		&Reply{Text: "250 c", Bytes: 7, Greeting: true, Verdict: Verdict{Class: OK, Code: "250 c"}},
		&Command{Line: "DATA", Verb: "DATA", Bytes: 6},
		&Body{From: Client, Head: strings.Repeat("x", MaxHead), Bytes: 1000, Ended: true, Lines: Lines{CRLF: 1}},
		&Body{From: Client, Head: "the next one\n", Bytes: 14},
		&Command{Line: `caf\xe9 \x00\x1b[31m`, Verb: `CAF\xe9`, Args: `\x00\x1b[31m`, Bytes: 12},
		&Finish{Line: "DONE", Bytes: 6},
		&Body{From: Server, Head: `cut off \xff`, Bytes: 9},
	}
	if got := whats(s); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", list(got), list(want))
	}
	if s.Events[1].By != "greylisting" || s.Events[0].By != "" || !reflect.DeepEqual(s.Injected, []string{"greylisting"}) {
		t.Errorf("by %q, injected %v", s.Events[1].By, s.Injected)
	}
	if want := (Counts{Commands: 3, BytesIn: 1000 + 14 + 6 + 12 + 6, BytesOut: 7 + 7 + 7 + 9}); s.Counts != want {
		t.Errorf("counts %+v, want %+v", s.Counts, want)
	}
}

func list(w []What) string {
	var b strings.Builder
	for _, w := range w {
		fmt.Fprintf(&b, "  %s %+v\n", w.what(), w)
	}
	return b.String()
}

// TestLateLinesPart checks that a line that comes late has a time of its own, and that no line is split.
func TestLateLinesPart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, r := begin(2, Info{Door: 143, Service: "imap", Protocol: "imap", Reader: &reader{}})
		r.Reply([]byte("+ idling\r\n"), "")
		time.Sleep(apart - time.Millisecond)
		r.Reply([]byte("* 4 EXISTS\r\n"), "")
		time.Sleep(time.Millisecond)
		r.Reply([]byte("* 5 EX"), "")
		time.Sleep(time.Hour)
		r.Reply([]byte("ISTS\r\n"), "")
		want := []string{"+ idling\n* 4 EXISTS", "* 5 EXISTS"}
		for i, e := range r.Record().Events {
			if e.What.(*Reply).Text != want[i] || e.At != time.Duration(i)*apart {
				t.Errorf("%v at %v, want %q", e.What, e.At, want[i])
			}
		}
	})
}

func TestVerdictSeesTheTagAndTheLastLine(t *testing.T) {
	t.Parallel()
	rd := &reader{}
	_, r := begin(1, Info{Reader: rd})
	r.Reply([]byte("* OK hello\r\n"), "")
	r.Command(&Command{Line: "a1 LIST", Tag: "a1", Verb: "LIST"})
	for range 100 {
		r.Reply([]byte("* LIST "+strings.Repeat("x", 50)+"\r\n"), "")
	}
	r.Reply([]byte("a1 OK done\r\n"), "")
	s := r.Record()
	reply := s.Events[2].What.(*Reply)
	if len(reply.Text) > MaxText || reply.End != "a1 OK done" || reply.Code != "a1 OK done" || reply.Greeting {
		t.Errorf("%d bytes of text, end %q, verdict %+v, greeting %v", len(reply.Text), reply.End, reply.Verdict, reply.Greeting)
	}
	if len(rd.asked) > 4 || rd.asked[0] != " true * OK hello" || !strings.HasPrefix(rd.asked[len(rd.asked)-1], "a1 false * LIST xx") {
		t.Errorf("asked %q", rd.asked)
	}

	// A reply that only escaping makes too long keeps its last line as well.
	r.Command(&Command{Line: "a2 LIST", Tag: "a2", Verb: "LIST"})
	r.Reply([]byte(strings.Repeat("\xff", 1000)+"\r\n"), "")
	r.Reply([]byte("a2 OK done\r\n"), "")
	s = r.Record()
	if reply := s.Events[4].What.(*Reply); len(reply.Text) > MaxText || reply.End != "a2 OK done" {
		t.Errorf("%d bytes of text, end %q", len(reply.Text), reply.End)
	}
}

func TestSnapshotsDontGrow(t *testing.T) {
	t.Parallel()
	_, r := begin(1, Info{})
	r.Reply([]byte("250-a\r\n"), "")
	one := r.Record()
	r.Reply([]byte("250 b\r\n"), "")
	r.Overheard(HeardLine{Text: "QUIT"}, 6)
	two := r.Record()
	r.Overheard(HeardLine{Text: "***", Secret: true}, 30)
	r.Login(Login{User: "alice"})
	r.Add(&Handshake{Outcome: Established}, "")
	three := r.Record()
	if got := one.Events[0].What.(*Reply); len(one.Events) != 1 || got.Text != "250-a" {
		t.Errorf("the first snapshot has become %s", list(whats(one)))
	}
	if got := two.Events[1].What.(*Overheard); len(got.Lines) != 1 || got.Bytes != 6 || len(two.Logins) != 0 || two.TLS != nil {
		t.Errorf("the second snapshot has become %s", list(whats(two)))
	}
	if got := three.Events[1].What.(*Overheard); len(got.Lines) != 2 || got.Bytes != 11 || len(three.Logins) != 1 || !three.TLS.Established() {
		t.Errorf("%s", list(whats(three)))
	}
}

func TestNobodyAddsALine(t *testing.T) {
	t.Parallel()
	_, r := begin(1, Info{})
	const name = "a\r\n15:00:00 #1\nb\u202e\u0085"
	r.Login(Login{User: name, Mechanism: name})
	r.Stored(Stored{MessageID: name, From: name, Recipients: []string{name}, Places: []Place{{Account: name, Mailbox: name}}})
	r.Add(&Hello{ServerName: name}, "")
	r.Add(&Setting{Name: SetUser, Text: name}, "")
	r.Command(&Command{Line: name, Tag: name, Verb: name})
	b, err := json.Marshal(r.Record())
	if err != nil {
		t.Fatal(err)
	}
	if s := string(b); strings.Contains(s, `\n`) || strings.ContainsAny(s, "\u202e\u0085") || !strings.Contains(s, `a\\x0a15:00:00`) {
		t.Errorf("%s", s)
	}
}

func TestAnswersAreNeverKept(t *testing.T) {
	t.Parallel()
	_, r := begin(1, Info{})
	for _, line := range []string{"AGFsaWNlAHNlY3JldA==\r\n", "*\r\n", "\r\n", "\n", "* \r\n"} {
		r.Answer([]byte(line))
	}
	want := []What{
		&Answer{SecretAnswer, 5}, &Answer{CancelAnswer, 3}, &Answer{EmptyAnswer, 2}, &Answer{EmptyAnswer, 2}, &Answer{SecretAnswer, 5}, // no lengths
	}
	if got := whats(r.Record()); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", list(got), list(want))
	}
}

func TestTLSIsSummedUp(t *testing.T) {
	t.Parallel()
	_, r := begin(1, Info{})
	r.Notice(SpokeEarly, "")
	r.Add(&Hello{ServerName: "mail.example.test", StartTLS: true, Protocols: []string{"\xff"}}, "")
	r.Add(&Handshake{StartTLS: true, Outcome: Established, Version: 0x304}, "")
	r.Command(&Command{Line: "NOOP"})
	r.Add(&Alert{From: Client, Number: 48, Detail: "unknown CA"}, "")
	r.Add(&CloseNotify{}, "")
	s := r.Record()
	want := &TLS{Hello: true, ServerName: "mail.example.test", CloseNotify: true, Handshake: Handshake{
		StartTLS: true, Outcome: Established, Version: 0x304, Alert: 48, AlertFrom: Client, Detail: "unknown CA",
	}}
	if !reflect.DeepEqual(s.TLS, want) {
		t.Errorf("got %+v\nwant %+v", s.TLS, want)
	}
	for i, secure := range []bool{false, false, false, true, true, true} {
		if s.Events[i].Secure != secure {
			t.Errorf("event %d: secure %v", i, s.Events[i].Secure)
		}
	}
	if AlertName(48) != "unknown_ca" || AlertName(0) != "" || AlertName(255) != "" {
		t.Error("names of alerts")
	}
}

func TestEndedRecordsAreFinal(t *testing.T) {
	t.Parallel()
	_, r := begin(1, Info{})
	r.Reply([]byte("220 hello\r\n"), "")
	r.End(EndedByClient)
	r.End(EndedByServer)
	r.Command(&Command{Line: "QUIT"})
	r.Answer([]byte("x"))
	r.Finish([]byte("DONE"), 4)
	r.Reply([]byte("221 bye\r\n"), "")
	r.Body(Client, []byte("x"))
	r.EndBody(Client, Lines{})
	r.Overheard(HeardLine{}, 1)
	r.Notice(BareLF, "")
	r.Login(Login{})
	r.Stored(Stored{})
	s := r.Record()
	want := []What{&Reply{Text: "220 hello", Bytes: 11, Greeting: true}, &Ended{By: EndedByClient}}
	if got := whats(s); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", list(got), list(want))
	}
	if s.EndedBy != EndedByClient || s.End.IsZero() || s.Counts != (Counts{BytesOut: 11}) || s.Logins != nil || s.Messages != nil {
		t.Errorf("%+v", s)
	}
	if s.Last() != s.End || !s.LastWord().Equal(s.Start.Add(s.Events[0].At)) {
		t.Errorf("last %v, last word %v", s.Last(), s.LastWord())
	}
}

func TestEventsAreBounded(t *testing.T) {
	t.Parallel()
	_, r := begin(1, Info{})
	for i := range 10 * maxEvents {
		r.Command(&Command{Line: fmt.Sprint(i)})
	}
	s := r.Record()
	if len(s.Events) > maxEvents || len(s.Events)+s.Elided != 10*maxEvents {
		t.Errorf("%d events kept, %d elided", len(s.Events), s.Elided)
	}
	if s.ElidedAt != maxEvents/2 {
		t.Fatalf("elided at %d", s.ElidedAt)
	}
	before, behind := s.Events[s.ElidedAt-1].What.(*Command), s.Events[s.ElidedAt].What.(*Command)
	if before.Line != fmt.Sprint(s.ElidedAt-1) || behind.Line != fmt.Sprint(s.ElidedAt+s.Elided) {
		t.Errorf("the gap is between %s and %s", before.Line, behind.Line)
	}
}

func TestLoginsAreTheFirstAndTheLast(t *testing.T) {
	t.Parallel()
	_, r := begin(1, Info{})
	for i := range 2 * maxLogins {
		r.Login(Login{User: fmt.Sprint(i), Injected: "wrong-password"})
	}
	s := r.Record()
	if len(s.Logins) != maxLogins || s.Logins[0].User != "0" || s.Logins[maxLogins-1].User != fmt.Sprint(2*maxLogins-1) {
		t.Errorf("%d logins, from %q to %q", len(s.Logins), s.Logins[0].User, s.Logins[len(s.Logins)-1].User)
	}
	if !reflect.DeepEqual(s.Injected, []string{"wrong-password"}) || s.Events[0].By != "wrong-password" {
		t.Errorf("injected %v, by %q", s.Injected, s.Events[0].By)
	}
}

// TestRecordsAreBoundedInBytes floods every field that keeps a client's words with text that escaping makes four times
// as long.
func TestRecordsAreBoundedInBytes(t *testing.T) {
	t.Parallel()
	bad := strings.Repeat("\xff", 4<<10)
	many := make([]string, 1000)
	places := make([]Place, 1000)
	for i := range many {
		many[i], places[i] = fmt.Sprint(i)+bad, Place{Account: bad, Mailbox: fmt.Sprint(i) + bad}
	}
	const bound = maxKept + maxEvents*512 // beyond maxKept each event may still keep a little
	for name, flood := range map[string]func(r *Recorder, i int){
		"commands": func(r *Recorder, i int) {
			line := fmt.Sprint(i) + bad
			r.Command(&Command{Line: line + " " + bad + " " + bad, Tag: line, Verb: bad + "\xff", Args: bad})
		},
		"arguments that aren't in the line": func(r *Recorder, i int) {
			r.Command(&Command{Line: fmt.Sprint(i), Args: bad})
		},
		"finishes":  func(r *Recorder, _ int) { r.Finish([]byte(bad), len(bad)) },
		"replies":   func(r *Recorder, i int) { r.Reply([]byte(bad+"\r\n"+bad+"\r\n"), fmt.Sprint(i%2)) },
		"bodies":    func(r *Recorder, _ int) { r.Body(Client, []byte(bad)); r.EndBody(Client, Lines{}) },
		"small":     func(r *Recorder, _ int) { r.Body(Client, []byte(bad[:64])); r.EndBody(Client, Lines{}) },
		"overheard": func(r *Recorder, _ int) { r.Overheard(HeardLine{Text: bad, Verb: bad}, len(bad)) },
		"overheard, again and again": func(r *Recorder, _ int) {
			for range 2 * maxHeard {
				r.Overheard(HeardLine{Text: bad[:100], Verb: bad[:20]}, 100)
			}
			r.Notice(Pipelined, "")
		},
		"logins": func(r *Recorder, i int) { r.Login(Login{User: fmt.Sprint(i) + bad, Mechanism: bad}) },
		"messages": func(r *Recorder, i int) {
			r.Stored(Stored{MessageID: fmt.Sprint(i) + bad, From: bad, Recipients: many, Places: places})
		},
		"hellos": func(r *Recorder, _ int) {
			r.Add(&Hello{ServerName: bad, Protocols: many, Versions: make([]uint16, 1000), Ciphers: make([]uint16, 1000)}, "")
		},
		"details": func(r *Recorder, _ int) {
			r.Add(&Handshake{Outcome: OtherwiseFailed, Detail: bad}, "")
			r.Add(&Alert{Detail: bad}, "")
		},
		"the rest": func(r *Recorder, _ int) {
			r.Add(&Bouncing{Recipient: bad, Sender: bad}, "")
			r.Add(&Setting{Text: bad, Numbers: make([]uint32, 1000)}, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := begin(1, Info{})
			for i := range 2 * maxEvents {
				flood(r, i)
			}
			s := r.Record()
			if n := held(s); n > bound {
				t.Errorf("%d bytes are held, more than %d", n, bound)
			}
			if strings.Contains(fmt.Sprint(list(whats(s)), s.Logins, s.Messages), "\xff") {
				t.Error("something isn't escaped")
			}
		})
	}
}

// held sums the bytes of all texts and lists reachable from a value, counting each once.
func held(v any) int {
	seen := map[unsafe.Pointer]bool{}
	sum := 0
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			if p := unsafe.Pointer(unsafe.StringData(v.String())); v.Len() > 0 && !seen[p] {
				seen[p] = true
				sum += v.Len()
			}
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() {
				walk(v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i))
			}
		case reflect.Slice:
			if size := int(v.Type().Elem().Size()); size < 8 {
				sum += v.Len() * size
			}
			for i := range v.Len() {
				walk(v.Index(i))
			}
		}
	}
	walk(reflect.ValueOf(v))
	return sum
}

func TestForgottenEventsGiveTheirRoomBack(t *testing.T) {
	t.Parallel()
	_, r := begin(1, Info{})
	line := strings.Repeat("x", 1000)
	for i := range 20 * maxEvents {
		r.Command(&Command{Line: line + fmt.Sprint(i)})
	}
	for range maxEvents {
		r.Command(&Command{Line: "NOOP"})
	}
	r.Command(&Command{Line: line})
	s := r.Record()
	sum := 0
	for _, e := range s.Events {
		sum += size(e.What)
	}
	if r.kept != sum {
		t.Errorf("%d bytes are counted, and %d held", r.kept, sum)
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in    string
		limit int
		want  string
	}{
		{"abc", 3, "abc"}, {"abc", 2, "ab"}, {"abc", 0, ""}, {"aé", 2, "a"}, {"aé", 3, "aé"}, {"€", 2, ""},
		{`a\xff`, 4, "a"}, {`a\xff`, 3, "a"}, {`a\xff`, 2, "a"}, {`a\xff`, 1, "a"}, {`a\xff\x00`, 5, `a\xff`}, {`a\bcd`, 4, `a\bc`},
	} {
		if got := shorten(tc.in, tc.limit); got != tc.want {
			t.Errorf("%q to %d: %q, want %q", tc.in, tc.limit, got, tc.want)
		}
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ in, want string }{
		{"plain\ttext", "plain\ttext"}, {"a\r\nb\n", "a\nb\n"}, {"a\rb", `a\x0db`}, {"caf\xe9", `caf\xe9`}, {"café", "café"},
		{"\x00\x1b[31m\x7f", `\x00\x1b[31m\x7f`}, {"\u202e", `\xe2\x80\xae`}, {"", ""},
	} {
		got := Escape([]byte(tc.in))
		if got != tc.want {
			t.Errorf("%q: %q, want %q", tc.in, got, tc.want)
		}
		if again := escaped(got); again != got {
			t.Errorf("%q: escaping twice gives %q", got, again)
		}
	}
}

// An act in the middle of a reply or a body doesn't split it. It is recorded at the end.
func TestActsPartNothing(t *testing.T) {
	t.Parallel()
	_, r := begin(2, Info{Reader: &reader{}})
	act := func(n int) { r.Acted(Acted{Rule: n, Kind: "k", Command: "EHLO"}, "s") }
	act(0)
	r.Reply([]byte("220 hello\r\n"), "")
	r.Command(&Command{Line: "EHLO", Verb: "EHLO", Bytes: 6})
	act(1)
	r.Reply([]byte("250-a\r\n"), "s")
	act(2)
	r.Reply([]byte("250 b\r\n"), "s")
	if got := r.Record(); len(got.Events) != 6 { // a snapshot contains the waiting act, and leaves it waiting
		t.Errorf("a snapshot of\n%s", list(whats(got)))
	}
	r.Body(Client, []byte("one "))
	act(3)
	r.Body(Client, []byte("body"))
	r.EndBody(Client, Lines{})
	act(4)
	act(5)
	r.End(EndedByClient)
	want := []What{
		&Acted{Kind: "k", Command: "EHLO"},
		&Reply{Text: "220 hello", Bytes: 11, Greeting: true, Verdict: Verdict{Class: OK, Code: "220 hello"}},
		&Command{Line: "EHLO", Verb: "EHLO", Bytes: 6},
		&Acted{Rule: 1, Kind: "k", Command: "EHLO"},
		&Reply{Text: "250-a\n250 b", Bytes: 14, Verdict: Verdict{Class: OK, Code: "250 b"}},
		&Acted{Rule: 2, Kind: "k", Command: "EHLO"},
		&Body{From: Client, Head: "one body", Bytes: 8, Ended: true},
		&Acted{Rule: 3, Kind: "k", Command: "EHLO"},
		&Acted{Rule: 4, Kind: "k", Command: "EHLO"},
		&Acted{Rule: 5, Kind: "k", Command: "EHLO"},
		&Ended{By: EndedByClient},
	}
	s := r.Record()
	if got := whats(s); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", list(got), list(want))
	}
	for i, e := range s.Events {
		if i > 0 && e.At < s.Events[i-1].At {
			t.Errorf("%s at %v, before what it follows", e.What.what(), e.At)
		}
	}
	// Its effect marks the scenario, as here the edited reply does.
	if !reflect.DeepEqual(s.Injected, []string{"s"}) {
		t.Errorf("injected %v", s.Injected)
	}
	act(6)
	if len(r.Record().Events) != len(want) {
		t.Error("an act after the end is recorded")
	}
}
