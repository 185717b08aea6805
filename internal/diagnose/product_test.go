package diagnose

import (
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// semaphore is a protocol that mailrig doesn't serve. Its replies are yes, no and later.
var semaphore = &protocol.Protocol{
	Name: "semaphore", Title: "Semaphore", StartTLS: "SEAL", Replies: flags{},
	Words: protocol.Words{
		{Verb: "HAIL", Asks: true, Polite: true, Opens: true}, {Verb: "SEAL", Polite: true},
		{Verb: "ENTER", Login: true, Secret: event.SecretBehind, State: protocol.NoLogin}, {Verb: "SIGNAL", Mail: true}, {Verb: "PART", Polite: true, Leaves: true},
	},
	Doors: []protocol.Door{
		{Port: 9001, Service: "semaphore", Security: protocol.STARTTLS, Suggest: true},
		{Port: 9002, Service: "semaphores", Security: protocol.TLS, Suggest: true},
	},
}

type flags struct{ protocol.Replies }

func (flags) Verdict(_ string, lines []string, _ bool) event.Verdict {
	word, _, _ := strings.Cut(lines[len(lines)-1], " ")
	return event.Verdict{Class: map[string]event.Class{"yes": event.OK, "no": event.Permanent, "later": event.Temporary}[word]}
}

func (flags) Command(line string) protocol.Line {
	verb, args, _ := strings.Cut(line, " ")
	return protocol.Line{Verb: strings.ToUpper(verb), Args: args}
}

func (flags) List(verb string, lines []string) ([]string, bool) {
	return strings.Fields(strings.ToUpper(lines[0]))[1:], verb == "HAIL"
}

// semaphoreRecord returns a session at the protocol's clear port.
func semaphoreRecord(lines ...string) *event.Record {
	r := &event.Record{ID: "1", Door: 9001, Service: "semaphore", Protocol: "semaphore", Security: string(protocol.STARTTLS),
		Client: "192.0.2.7:4000", Server: "192.0.2.1:9001", Start: began, End: began.Add(time.Second), EndedBy: event.EndedByClient}
	for i, line := range lines {
		e := event.Event{At: time.Duration(i) * time.Millisecond}
		if text, ok := strings.CutPrefix(line, "S: "); ok {
			e.What = &event.Reply{Text: text, Greeting: i == 0, Verdict: semaphore.Replies.Verdict("", []string{text}, i == 0)}
		} else {
			l := semaphore.Replies.Command(line)
			e.What = &event.Command{Line: line, Verb: l.Verb, Args: l.Args, Secret: strings.HasSuffix(line, event.Mask)}
		}
		r.Events = append(r.Events, e)
	}
	return r
}

// TestFurtherTable adds a protocol and a row that mailrig lacks. Sessions are then read in that protocol's words, with
// mailrig's own rows and the new one.
func TestFurtherTable(t *testing.T) {
	t.Parallel()
	table := Product()
	table.Protocols = append(table.Protocols, semaphore)
	table.Rows = append(table.Rows, Row{
		ID: "waved-at-night", Severity: Warning, Title: "Waved on port {door} at night.", Advice: "Use {protocol} by day, or port {tls-door}.",
		When: func(c *Case) []Evidence {
			return c.each(func(f *Facts) bool {
				return f.has(func(s *Step) bool { return s.Verb == "SIGNAL" && s.Listed.Has("NIGHT") })
			})
		},
	})
	clear := semaphoreRecord("S: yes ready", "HAIL", "S: yes SEAL NIGHT", "ENTER alice ***", "S: no", "ENTER alice ***", "S: no", "SIGNAL", "S: later", "PART", "S: yes")
	found := table.Of(clear, began.Add(time.Minute))
	for id, advice := range map[string]string{
		"waved-at-night":            "Use Semaphore by day, or port 9002.",
		"password-sent-in-clear":    "Set encryption to STARTTLS on port 9001, or to SSL/TLS with port 9002, and change the password.",
		"login-refused":             "Check the user name (often the whole address) and the password.",
		"repeated-refused-password": "For the client's developer: ask the user for the password after the first refusal.",
	} {
		if !gives(found, id) || !strings.Contains(report(found), "> "+advice+"\n") {
			t.Errorf("%s with %q isn't among\n%s", id, advice, report(found))
		}
	}
	if _, ok := table.Lookup("waved-at-night"); !ok {
		t.Error("the table doesn't know its row")
	}
	if _, ok := Lookup("waved-at-night"); ok {
		t.Error("the product's table has got the test's row")
	}

	lost := readCase(t, "session 143\nS: * OK ready\nC: HAIL\nS: HAIL BAD what\nend client\n").Sessions[0].Record
	want := "For Semaphore use port 9002 with SSL/TLS, or 9001 with STARTTLS."
	if found := table.Of(lost, began.Add(time.Minute)); !strings.Contains(report(found), want) {
		t.Errorf("a client of the further protocol at another one's door gives\n%s", report(found))
	}

	// mailrig's own table, which doesn't know the protocol, reads what it can.
	if found := Product().Of(clear, began.Add(time.Minute)); gives(found, "waved-at-night") || gives(found, "password-sent-in-clear") {
		t.Errorf("the product finds\n%s", report(found))
	}
}
