package recorded

import (
	"strings"
	"testing"

	"github.com/mailrig/mailrig/scenarios"
)

// TestPrivate lets a server repeat what must not be kept, in every place that is written.
func TestPrivate(t *testing.T) {
	t.Parallel()
	const words = "for alice@corp.example from [203.0.113.7] and 2001:db8:77::9, password hunter2-$1, or pa$$word; ALICE it is"
	s := Server{Title: "A server", Story: "It was seen at 203.0.113.7.", Private: []string{"hunter2", "pa$$word", "alice", "no"}, Doors: []Door{
		{Port: 25, Protocol: "smtp", Exchanges: []Exchange{
			{Lines: []string{"220-hello", "220 " + words}},
			{Verb: "EHLO", Lines: []string{"250-hi [203.0.113.7]", "250-SIZE 1000", "250 X-" + words}},
			{Verb: "AUTH", Lines: []string{"334 aHVudGVyMg==", "535 5.7.8 " + words}},
			{Verb: "alice@corp.example", Lines: []string{"500 What?"}},
		}},
		{Port: 143, Protocol: "imap", Exchanges: []Exchange{
			{Lines: []string{"* OK {literal} {tag} " + words}},
			{Verb: "LIST", LoggedIn: true, Lines: []string{`* LIST (\Noselect) "." shared.alice@corp.example`, `* LIST () "." INBOX`, "a1 OK done"}},
			{Verb: "FETCH", LoggedIn: true, Lines: []string{"* 1 FETCH (BODY[] {5}", "Dear)", "a1 OK done"}},
		}},
		{Port: 993, Protocol: "imap", Closed: "refuse"},
	}}
	text, err := s.Scenario("seen")
	if err != nil {
		t.Fatal(err)
	}
	for _, private := range []string{"alice", "corp.example", "203.0.113.7", ":77:", "hunter2", "aHVudGVyMg", "Dear", "pa$", "ALICE"} {
		if strings.Contains(string(text), private) {
			t.Errorf("%q is in the file:\n%s", private, text)
		}
	}
	for _, kept := range []string{"OK (literal) (tag) for", "from [192.0.2.1] and 2001:db8::1, password ***-$$1, or ***; *** it is", "size-limit: 1000", "connect: refuse", "delimiter: ."} {
		if !strings.Contains(string(text), kept) {
			t.Errorf("%q isn't in the file:\n%s", kept, text)
		}
	}
	if _, err := scenarios.Parse("seen.yaml", text); err != nil {
		t.Error(err)
	}
}

func TestNothingSeen(t *testing.T) {
	t.Parallel()
	if _, err := (&Server{Title: "A", Story: "B"}).Scenario("seen"); err == nil || !strings.Contains(err.Error(), "nothing was seen") {
		t.Errorf("got %v", err)
	}
}
