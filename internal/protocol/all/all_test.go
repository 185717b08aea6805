package all_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		protocol, tag, lines string
		greeting             bool
		want                 event.Verdict
	}{
		{"smtp", "", "250-a\n250 b", false, event.Verdict{Class: event.OK, Code: "250"}},
		{"smtp", "", "550 5.7.1 no", false, event.Verdict{Class: event.Permanent, Code: "550", Enhanced: "5.7.1"}},
		{"smtp", "", "534-5.7.9 x\n534 5.7.9 y", false, event.Verdict{Class: event.Permanent, Code: "534", Enhanced: "5.7.9"}},
		{"smtp", "", "451 try 4.7.1", false, event.Verdict{Class: event.Temporary, Code: "451"}},
		{"smtp", "", "354 go", false, event.Verdict{Class: event.Continue, Code: "354"}},
		{"smtp", "", "250 hi", true, event.Verdict{Class: event.Nonsense, Code: "250"}},
		{"smtp", "", "220 hi", true, event.Verdict{Class: event.OK, Code: "220"}},
		{"smtp", "", "554 no", true, event.Verdict{Class: event.Permanent, Code: "554"}},
		{"smtp", "", "* OK imap", true, event.Verdict{Class: event.Nonsense, Code: "* O"}},
		{"smtp", "", "x", false, event.Verdict{Class: event.Nonsense}},
		{"imap", "a1", "* 1 EXISTS\na1 OK done", false, event.Verdict{Class: event.OK}},
		{"imap", "a1", "a1 NO [UNAVAILABLE] later", false, event.Verdict{Class: event.Temporary, Code: "UNAVAILABLE"}},
		{"imap", "a1", "a1 NO [ALERT] no", false, event.Verdict{Class: event.Permanent, Code: "ALERT"}},
		{"imap", "a1", "a1 OK [APPENDUID 1 2] done", false, event.Verdict{Class: event.OK, Code: "APPENDUID"}},
		{"imap", "a1", "a1 MAYBE", false, event.Verdict{Class: event.Nonsense}},
		{"imap", "a1", "* BYE [UNAVAILABLE] bye", false, event.Verdict{Class: event.Temporary, Code: "UNAVAILABLE"}},
		{"imap", "a1", "* BYE bye\na1 OK done", false, event.Verdict{Class: event.OK}},
		{"imap", "a1", "+ go", false, event.Verdict{Class: event.Continue}},
		{"imap", "a1", "* BAD what", false, event.Verdict{Class: event.Permanent, NotUnderstood: true}},
		{"imap", "a1", "* 1 EXISTS", false, event.Verdict{}},
		{"imap", "", "* PREAUTH hi", true, event.Verdict{Class: event.OK, Preauth: true}},
		{"imap", "", "220 smtp", true, event.Verdict{Class: event.Nonsense}},
		{"imap", "", "* BYE no", true, event.Verdict{Class: event.Temporary}},
		{"pop3", "", "+OK", false, event.Verdict{Class: event.OK}},
		{"pop3", "", "-ERR [SYS/TEMP] later", false, event.Verdict{Class: event.Temporary, Code: "SYS/TEMP"}},
		{"pop3", "", "-ERR [auth] no", false, event.Verdict{Class: event.Permanent, Code: "AUTH"}},
		{"pop3", "", "+ \n+OK in", false, event.Verdict{Class: event.OK}},
		{"pop3", "", "+ go", false, event.Verdict{Class: event.Continue}},
		{"pop3", "", "+ go", true, event.Verdict{Class: event.Nonsense}},
		{"pop3", "", "what", false, event.Verdict{Class: event.Nonsense}},
	} {
		p := protocol.Find(all.Protocols(), tc.protocol)
		if got := p.Replies.Verdict(tc.tag, strings.Split(tc.lines, "\n"), tc.greeting); got != tc.want {
			t.Errorf("%s %q (greeting %v): %+v, want %+v", tc.protocol, tc.lines, tc.greeting, got, tc.want)
		}
	}
}

func TestCommands(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		protocol, line string
		want           protocol.Line
	}{
		{"smtp", "mail FROM:<a@b> SIZE=1", protocol.Line{Verb: "MAIL", Args: "FROM:<a@b> SIZE=1"}},
		{"smtp", "", protocol.Line{}},
		{"imap", "a1 uid fetch 1 FLAGS", protocol.Line{Tag: "a1", Verb: "UID FETCH", Args: "1 FLAGS"}},
		{"imap", "QUIT", protocol.Line{Tag: "QUIT"}},
		{"imap", "a1 login x ***", protocol.Line{Tag: "a1", Verb: "LOGIN", Args: "x ***"}},
		{"pop3", "retr 1", protocol.Line{Verb: "RETR", Args: "1"}},
	} {
		p := protocol.Find(all.Protocols(), tc.protocol)
		if got := p.Replies.Command(tc.line); got != tc.want {
			t.Errorf("%s %q: %+v, want %+v", tc.protocol, tc.line, got, tc.want)
		}
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		protocol, verb, lines, want string
		ok                          bool
	}{
		{"smtp", "EHLO", "250-rig\n250-size 10\n250 AUTH PLAIN", "SIZE 10|AUTH PLAIN", true},
		{"smtp", "EHLO", "250 rig", "", true},
		{"smtp", "NOOP", "250 AUTH PLAIN", "", false},
		{"smtp", "EHLO", "550 no", "", false},
		{"imap", "CAPABILITY", "* CAPABILITY IMAP4rev1 IDLE\na1 OK", "IMAP4REV1|IDLE", true},
		{"imap", "LOGIN", "a1 OK [CAPABILITY IMAP4rev1] in", "IMAP4REV1", true},
		{"imap", "AUTHENTICATE", "a1 ok [capability imap4rev1 ID] [x] in", "IMAP4REV1|ID", true},
		{"imap", "LOGIN", "* 1 FETCH (BODY[] {2}\na1 OK [[] [CAPABILITY IDLE", "IDLE", true},
		{"imap", "CAPABILITY", "* capability IMAP4rev1]x", "IMAP4REV1", true},
		{"imap", "NOOP", "* CAPABILITYX A\na1 OK [CAPABILITY", "", false},
		{"imap", "NOOP", "x * CAPABILITY A", "", false},
		{"imap", "NOOP", "a1 OK done", "", false},
		{"pop3", "CAPA", "+OK\nSASL PLAIN\nTOP\n.", "SASL PLAIN|TOP", true},
		{"pop3", "LIST", "+OK\n1 2\n.", "", false},
	} {
		p := protocol.Find(all.Protocols(), tc.protocol)
		got, ok := p.Replies.List(tc.verb, strings.Split(tc.lines, "\n"))
		if strings.Join(got, "|") != tc.want || ok != tc.ok {
			t.Errorf("%s %s %q: %q, %v", tc.protocol, tc.verb, tc.lines, got, ok)
		}
	}
}

// TestWritten checks that each protocol reads what it writes.
func TestWritten(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		protocol, tag, text, wire string
		class                     event.Class
	}{
		{"smtp", "", "550 5.1.1 no\nsuch user", "550-5.1.1 no\r\n550 such user\r\n", event.Permanent},
		{"smtp", "", "250-a\n250 b", "250-a\r\n250 b\r\n", event.OK},
		{"imap", "a1", "NO [LIMIT] no", "a1 NO [LIMIT] no\r\n", event.Permanent},
		{"imap", "a1", "BYE now", "* BYE now\r\n", event.Temporary},
		{"pop3", "", "-ERR no", "-ERR no\r\n", event.Permanent},
	} {
		p := protocol.Find(all.Protocols(), tc.protocol)
		if err := p.Replies.Check(tc.text, false); err != nil {
			t.Errorf("%s: %v", tc.protocol, err)
		}
		wire := string(p.Replies.Write(tc.tag, tc.text))
		if wire != tc.wire {
			t.Errorf("%s %q: wrote %q, want %q", tc.protocol, tc.text, wire, tc.wire)
		}
		lines := strings.Split(strings.ReplaceAll(strings.TrimRight(wire, "\r\n"), "\r\n", "\n"), "\n")
		if v := p.Replies.Verdict(tc.tag, lines, false); v.Class != tc.class {
			t.Errorf("%s %q: %+v", tc.protocol, tc.text, v)
		}
	}
}

// TestProtocolsAreWhole checks that each protocol's canned replies are in its own form, and that no verb occurs twice.
func TestProtocolsAreWhole(t *testing.T) {
	t.Parallel()
	ports := map[int]string{}
	for _, p := range all.Protocols() {
		for _, c := range []protocol.Canned{protocol.TooMuchData, protocol.TooManyConnections, protocol.UnknownCommand, protocol.ShuttingDown, protocol.GoAhead} {
			line := strings.TrimRight(string(p.Replies.Canned(c, "a1", "mail.example.test")), "\r\n")
			want := map[bool]event.Class{true: event.OK}[c == protocol.GoAhead]
			if v := p.Replies.Verdict("a1", []string{line}, false); v.Class == event.Nonsense || v.Class == event.NoReply || want != "" && v.Class != want {
				t.Errorf("%s: canned reply %d is %q: %+v", p.Name, c, line, v)
			}
		}
		for i, w := range p.Words {
			if slices.IndexFunc(p.Words, func(o protocol.Word) bool { return o.Verb == w.Verb }) != i {
				t.Errorf("%s has %s twice", p.Name, w.Verb)
			}
		}
		if p.Door(true) == 0 || p.Door(false) == 0 {
			t.Errorf("%s suggests no door for each kind of encryption", p.Name)
		}
		for _, d := range p.Doors {
			if ports[d.Port] != "" {
				t.Errorf("port %d is of %s and %s", d.Port, ports[d.Port], p.Name)
			}
			ports[d.Port] = p.Name
		}
		if _, ok := p.Words.Find(p.StartTLS); !ok {
			t.Errorf("%s doesn't know its own %s", p.Name, p.StartTLS)
		}
	}
}

func TestPurposes(t *testing.T) {
	t.Parallel()
	var got []string
	for _, p := range protocol.Ranked(all.Protocols()) {
		got = append(got, fmt.Sprint(p.Purpose(), " ", p.Uploads()))
	}
	if want := []string{"Outgoing mail (SMTP) true", "Incoming mail (IMAP) true", "Incoming mail (POP3) false"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
