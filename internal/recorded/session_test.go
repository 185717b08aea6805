package recorded

import (
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
	"github.com/mailrig/mailrig/scenarios"
)

// said records a session: "C:" lines are the client's, "S:" lines the server's, "by X:" lines a scenario's, and "login NAME"
// is a login.
func said(t *testing.T, door int, name, dialogue string) *event.Record {
	t.Helper()
	p := protocol.Find(all.Protocols(), name)
	ring := event.NewRing(event.Options{Keep: 9})
	r := ring.Begin(event.Info{Door: door, Protocol: name, Reader: p.Replies})
	for line := range strings.SplitSeq(strings.TrimSpace(dialogue), "\n") {
		who, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch who {
		case "C:":
			l := p.Replies.Command(text)
			r.Command(&event.Command{Line: text, Tag: l.Tag, Verb: l.Verb, Args: l.Args})
		case "S:":
			r.Reply([]byte(text+"\r\n"), "")
		case "by":
			scenario, text, _ := strings.Cut(text, ": ")
			r.Reply([]byte(text+"\r\n"), scenario)
		case "login":
			r.Login(event.Login{User: text, OK: true})
		case "cut":
			r.Add(&event.Cut{Moment: event.AtDialogue, How: text}, "some")
		}
	}
	r.End(event.EndedByClient)
	return ring.Records()[0]
}

func written(t *testing.T, records ...*event.Record) string {
	t.Helper()
	s, err := Sessions(records...)
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.Scenario("seen")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := scenarios.Parse("seen.yaml", text); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return string(text)
}

func has(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q isn't in\n%s", part, text)
		}
	}
}

// TestDecidedOnce tells what a server decides only now and then from what it always does.
func TestDecidedOnce(t *testing.T) {
	t.Parallel()
	const begin = "S: 220 ready\nC: EHLO me\nS: 250-hi\nS: 250 PIPELINING\nC: MAIL FROM:<a@b.example>\nS: 250 fine\n"
	const refused = "C: RCPT TO:<c@d.example>\nby some: 451 4.7.1 Later\n"
	const taken = "C: RCPT TO:<c@d.example>\nS: 250 fine\n"
	one := said(t, 25, "smtp", begin+taken+refused+refused+taken+refused)
	has(t, written(t, one),
		"command: RCPT}\n    skip: 1\n    times: 2\n    per: connection\n    reply:\n      smtp: 451 4.7.1 Later\n",
		"command: RCPT}\n    skip: 2\n    per: connection\n    reply:\n")
	always := written(t, said(t, 25, "smtp", begin+refused+refused))
	has(t, always, "command: RCPT}\n    reply:\n")
	greylisting := written(t, said(t, 25, "smtp", begin+refused), said(t, 25, "smtp", begin+taken))
	has(t, greylisting, "command: RCPT}\n    times: 1\n    reply:\n")
	has(t, written(t, said(t, 25, "smtp", begin+"C: RCPT TO:<c@d.example>\nby some: 421 4.7.0 Go\ncut reset\n")), "smtp: 421 4.7.0 Go\n      then: reset\n")
	for _, text := range []string{ // the client's own doing
		written(t, said(t, 25, "smtp", begin+"C: RCPT TO:nobody\nS: 501 5.5.4 What?\n")),
		written(t, said(t, 25, "smtp", begin+"C: RCPT TO:<reply+451@example.test>\nby by-address: 451 4.0.0 As you wish\n")),
	} {
		if strings.Contains(text, " reply:") || strings.Contains(text, "As you wish") {
			t.Errorf("a decision of nobody's is in\n%s", text)
		}
	}
}

// TestNames lets a server repeat the names of a user and of a client, who are called like words of the protocol.
func TestNames(t *testing.T) {
	t.Parallel()
	text := written(t, said(t, 143, "imap", `
S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] Plain words of mail.corp.example, plain1
C: a LOGIN plain@corp.example ***
login plain@corp.example
S: a OK Hello plain, PLAIN@corp.example
C: a LIST "" *
S: * LIST () "/" INBOX
S: * LIST () "/" Shared/plain
S: a OK done`), said(t, 25, "smtp", `
S: 220 ready
C: EHLO laptop-of-jane
S: 250-hi laptop-of-jane
S: 250 AUTH PLAIN
C: HELO laptop-of-jane
S: 250 Hello Laptop-of-Jane`))
	has(t, text, "[CAPABILITY IMAP4rev1 AUTH=PLAIN] *** words of mail.corp.example, plain1", "Hello ***, user@example.test", "AUTH PLAIN", "250 Hello ***")
	if strings.Contains(text, "jane") || strings.Contains(text, "Jane") {
		t.Errorf("the client's name is in\n%s", text)
	}
}

func TestOtherSessions(t *testing.T) {
	t.Parallel()
	ring := event.NewRing(event.Options{Keep: 9})
	ring.Begin(event.Info{Protocol: event.OAuth}).End(event.EndedByClient)
	if _, err := Sessions(ring.Records()...); err == nil || !strings.Contains(err.Error(), "session 1 is no session of mail") {
		t.Errorf("got %v", err)
	}
	silent := ring.Begin(event.Info{Protocol: "imap", Door: 143})
	silent.Add(&event.Silenced{Moment: event.AtAccept}, "some")
	silent.End(event.EndedByClient)
	has(t, written(t, ring.Records()[1]), "door: 143}\n    connect: silent\n", "on "+time.Now().Format("2 January 2006"))
	odd := said(t, 25, "smtp", "S: SSH-2.0-OpenSSH_9.2")
	has(t, written(t, odd), `raw: "SSH-2.0-OpenSSH_9.2\r\n"`)
}

// TestTextsThatCount checks that what a server says of the number of messages isn't taken for its words: at the recorded
// scenario the maildrop has others.
func TestTextsThatCount(t *testing.T) {
	t.Parallel()
	for _, count := range []string{"+OK Maildrop has 0 messages", "+OK mrose's maildrop has 2 messages (320 octets)", "+OK maildrop empty", "+OK No new mail", "+OK"} {
		text := written(t, said(t, 110, "pop3", "S: +OK Acme ready.\nC: USER alice\nS: +OK Your turn\nC: PASS ***\nS: "+count+"\nlogin alice\nC: NOOP\nS: "+count+"\nC: QUIT\nS: "+count+"\n"))
		has(t, text, "pop3: +OK Acme ready.", "put: +OK Your turn")
		if kept := strings.Contains(text, "put: "+count+"\n"); kept != (count == "+OK") {
			t.Errorf("%q among the words: %v\n%s", count, kept, text)
		}
	}
	has(t, written(t, said(t, 110, "pop3", "S: +OK Acme ready.\nC: USER alice\nS: +OK Your turn\nC: PASS ***\nS: +OK Logged in.\nlogin alice\nC: QUIT\nS: +OK Logging out.\n")),
		"put: +OK Logged in.", "put: +OK Logging out.")
}
