package transcript

import (
	"strings"
	"testing"
)

func TestMask(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ in, want string }{
		{"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n", "AUTH PLAIN ***\r\n"},
		{"auth  login  YWxpY2U=\r\n", "auth  login  ***\r\n"},
		{"AUTH LOGIN\r\n", "AUTH LOGIN\r\n"},
		{"AUTH\tPLAIN\tAGFs\r\n", "AUTH\tPLAIN\t***\r\n"},
		{"AUTH: PLAIN AGFs\r\n", "AUTH: PLAIN ***\r\n"},
		{" AUTH PLAIN AGFs\r\n", " AUTH PLAIN ***\r\n"},
		{"AUTH AGFsaWNlAHNlY3JldA==\r\n", "AUTH ***\r\n"},
		{"MAIL FROM:<a@b> AUTH=<>\r\n", "MAIL FROM:<a@b> AUTH=<>\r\n"},
		{"EHLO login.example\r\n", "EHLO login.example\r\n"},
		{"MAIL FROM:<pass@example.test>\r\n", "MAIL FROM:<pass@example.test>\r\n"},
		{"PASS my secret with spaces\r\n", "PASS ***\r\n"},
		{"PASS x{5}\r\n", "PASS ***\r\n"},
		{" PASS p\r\n", " PASS ***\r\n"},
		{"\x00PASS p\r\n", "\x00PASS ***\r\n"},
		{"PASS secr", "PASS ***"},
		{"PASS\r\n", "PASS\r\n"},
		{"USER alice\r\n", "USER alice\r\n"},
		{"APOP alice c4c9334bac560ecc979e58001b3e22fb\r\n", "APOP alice ***\r\n"},
		{"a1 LOGIN alice secret\r\n", "a1 LOGIN alice ***\r\n"},
		{"a1  LOGIN alice secret\r\n", "a1  LOGIN alice ***\r\n"},
		{" a1 LOGIN alice secret\r\n", " a1 LOGIN alice ***\r\n"},
		{"LOGIN alice secret\r\n", "LOGIN alice ***\r\n"},
		{"a UID LOGIN alice secret\r\n", "a UID LOGIN alice ***\r\n"},
		{"a AUTH PLAIN AGFs\r\n", "a AUTH PLAIN ***\r\n"},
		{"a LOGIN alice:secret\r\n", "a LOGIN ***\r\n"},
		{"a LOGIN \"alice secret\r\n", "a LOGIN ***\r\n"},
		{"a1 login \"al ice\" \"se \\\" cret\"\r\n", "a1 login \"al ice\" ***\r\n"},
		{"a NOOP\rb LOGIN alice secret\r\n", "a NOOP\rb LOGIN alice ***\r\n"},
		{"a1 LOGIN {5}\r\n", "a1 LOGIN {5}\r\n"},
		{"a1 LOGIN alice {6+}\r\n", "a1 LOGIN alice {6+}\r\n"},
		{"a1 LOGIN alice x{5}\r\n", "a1 LOGIN alice ***\r\n"},
		{"a1 AUTHENTICATE PLAIN AGFs\r\n", "a1 AUTHENTICATE PLAIN ***\r\n"},
		{"a1 AUTHENTICATE \"PLAIN\" {9+}\r\n", "a1 AUTHENTICATE \"PLAIN\" {9+}\r\n"},
		{"a1 SELECT LOGIN\r\n", "a1 SELECT LOGIN\r\n"},
		{"a1\r\n", "a1\r\n"},
		{"", ""},
	} {
		if got := string(Mask([]byte(tc.in))); got != tc.want {
			t.Errorf("%q:\n got %q\nwant %q", tc.in, got, tc.want)
		}
	}
}

func TestRecorderJoinsRepliesAndShortensBodies(t *testing.T) {
	t.Parallel()
	l := NewLog(2, nil)
	r := l.Begin(Info{Door: 25, Service: "smtp", Protocol: "smtp"})
	r.Said(FromServer, Reply, []byte("250-a\r\n"), "")
	r.Said(FromServer, Reply, []byte("250 b\r\n"), "")
	r.Said(FromServer, Reply, []byte("250 c\r\n"), "greylisting")
	r.Said(FromClient, Command, []byte("DATA\r\n"), "")
	for range 10 {
		r.Said(FromClient, Data, []byte(strings.Repeat("x", 100)), "")
	}
	r.Said(FromClient, Command, []byte("caf\xe9 \x00\x1b[31m\r\n"), "")
	s := r.Session()
	if len(s.Units) != 5 {
		t.Fatalf("%d units: %+v", len(s.Units), s.Units)
	}
	if s.Units[0].Text != "250-a\n250 b" || s.Units[1].Injected != "greylisting" {
		t.Errorf("%+v", s.Units[:2])
	}
	if d := s.Units[3]; d.Bytes != 1000 || len(d.Text) != maxData {
		t.Errorf("body: %d bytes, %d kept", d.Bytes, len(d.Text))
	}
	if got := s.Units[4].Text; got != `caf\xe9 \x00\x1b[31m` {
		t.Errorf("unprintable: %q", got)
	}
	if got := s.Injected; len(got) != 1 || got[0] != "greylisting" {
		t.Errorf("injected: %v", got)
	}
}

func TestRecorderIsBounded(t *testing.T) {
	t.Parallel()
	l := NewLog(1, nil)
	r := l.Begin(Info{})
	for i := range 10 * maxUnits {
		r.Said(FromClient, Command, []byte{byte('a' + i%26)}, "")
	}
	s := r.Session()
	if len(s.Units) > maxUnits || len(s.Units)+s.Elided != 10*maxUnits {
		t.Errorf("%d units kept, %d elided", len(s.Units), s.Elided)
	}
}

func TestLogRing(t *testing.T) {
	t.Parallel()
	var ended []string
	l := NewLog(2, func(s *Session) { ended = append(ended, s.ID) })
	open := l.Begin(Info{Door: 143})
	_, cursor, more := l.Since(0)
	for range 3 {
		l.Begin(Info{Door: 25}).End(EndedByClient)
	}
	select {
	case <-more:
	default:
		t.Error("Since's channel isn't closed")
	}
	news, cursor, _ := l.Since(cursor)
	if len(news) != 2 || cursor != 3 || strings.Join(ended, " ") != "2 3 4" {
		t.Errorf("since: %d, cursor %d, ended %v", len(news), cursor, ended)
	}
	if all := l.Sessions(); len(all) != 3 || all[2].ID != "1" || !all[2].End.IsZero() {
		t.Errorf("%+v", all)
	}
	if s, ok := l.Get("4"); !ok || s.EndedBy != EndedByClient {
		t.Errorf("Get: %+v", s)
	}
	if _, ok := l.Get("2"); ok {
		t.Error("2 should have left the ring")
	}
	l.Reset()
	open.End(EndedByServer)
	if all := l.Sessions(); len(all) != 0 {
		t.Errorf("after reset: %d", len(all))
	}
}

func TestRecordIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	r := NewLog(1, nil).Begin(Info{})
	line := []byte(strings.Repeat("x", maxText))
	for range maxUnits {
		r.Said(FromClient, Command, line, "")
		r.Login(Login{User: string(line)})
	}
	s := r.Session()
	total := 0
	for _, u := range s.Units {
		total += len(u.Text)
	}
	if total > maxKept+maxUnits*maxLate {
		t.Errorf("%d bytes of text are kept", total)
	}
	if len(s.Logins) > maxLogins || len(s.Logins[0].User) > maxName {
		t.Errorf("%d logins, name of %d bytes", len(s.Logins), len(s.Logins[0].User))
	}
}
