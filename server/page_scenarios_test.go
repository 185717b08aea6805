package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mailrig/mailrig/server"
)

const ownScenario = "name: mine\ntitle: Mine <b>\nstory: s\nrules:\n  - match: {protocol: smtp, command: RCPT}\n    reply: \"452 4.2.2 Mailbox full\"\n"

func TestPageSwitchesScenarios(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0"})
	has(t, view(t, s, 200, "/scenarios"), "smtp", "I can receive, but not send.")
	has(t, view(t, s, 200, "/scenarios?symptom="+url.QueryEscape("I can receive, but not send.")), "receive-but-not-send")
	has(t, view(t, s, 200, "/scenarios?group=smtp"), "greylisting")
	has(t, view(t, s, 200, "/scenarios?q=first+deferred"), "greylisting")
	has(t, view(t, s, 200, "/scenarios/greylisting"), "Greylisting keeps spam out", "Switch on", "What it does", "when the client sends RCPT", "A good client must")
	view(t, s, 404, "/scenarios/..%2f..%2fetc%2fpasswd")
	view(t, s, 404, "/scenarios/nothing.yaml")

	active := func(want string) {
		t.Helper()
		if got := strings.Join(s.Active(), " "); got != want {
			t.Errorf("active: %q, want %q", got, want)
		}
	}
	if to := post(t, s, 303, "/scenarios/switch", url.Values{"on": {"greylisting"}, "back": {"/scenarios/greylisting?group=smtp"}}); to != "/scenarios/greylisting?group=smtp" {
		t.Error(to)
	}
	post(t, s, 303, "/scenarios/switch", url.Values{"on": {"port-25-refused"}})
	active("greylisting port-25-refused")
	has(t, view(t, s, 200, "/"), `class="door refuse`, "⚑ refuses", "greylisting", "port-25-refused")
	post(t, s, 303, "/scenarios/switch", url.Values{"off": {"greylisting"}})
	active("port-25-refused")
	post(t, s, 303, "/scenarios/switch", url.Values{"on": {"mailbox-full"}, "who": {"user"}, "user": {"bob@example.test"}})
	if got := s.ActiveFor("bob"); len(got) != 1 {
		t.Errorf("bob has %v", got)
	}
	has(t, view(t, s, 200, "/scenarios/mailbox-full"), "Active for bob@example.test", "Switch off")
	post(t, s, 303, "/scenarios/switch", url.Values{"none": {"yes"}})
	active("")
	if got := s.ActiveFor("bob"); len(got) != 0 {
		t.Errorf("all off, and bob has %v", got)
	}
	next := func(want string) {
		t.Helper()
		names, left := s.Next("")
		if got := fmt.Sprint(names, left, s.NextUsers()); got != want {
			t.Errorf("for the next connections: %s, want %s", got, want)
		}
	}
	post(t, s, 303, "/scenarios/switch", url.Values{"on": {"greylisting"}, "how": {"next"}, "next": {"2"}})
	post(t, s, 303, "/scenarios/switch", url.Values{"on": {"mailbox-full"}, "who": {"user"}, "user": {"bob@example.test"}, "how": {"next"}, "next": {"1"}})
	next("[greylisting] 2 [bob@example.test]")
	has(t, view(t, s, 200, "/"), "Active</span>", "greylisting", "for the next 2 connections", "mailbox-full", "for the next login of bob@example.test", "all off")
	has(t, view(t, s, 200, "/scenarios/mailbox-full"), "Active for the next login of bob@example.test", "Switch off")
	post(t, s, 303, "/scenarios/switch", url.Values{"off": {"greylisting"}, "how": {"next"}})
	next("[] 0 [bob@example.test]")
	post(t, s, 303, "/scenarios/switch", url.Values{"none": {"yes"}})
	next("[] 0 []")
	post(t, s, 404, "/scenarios/switch", url.Values{"on": {"nothing"}})
	post(t, s, 400, "/scenarios/switch", url.Values{})

	// One's own: it is checked at the line, kept, tried and saved, and stays active when others are switched.
	bad := strings.Replace(ownScenario, "reply", "repyl", 1)
	resp, err := http.PostForm(s.HTTPURL()+"/scenarios/check", url.Values{"yaml": {bad}, "part": {"yes"}, "at": {"0"}})
	if err != nil {
		t.Fatal(err)
	}
	has(t, read(t, resp), `data-line="6"`, "did you mean reply?", "repyl", "What can come here")
	post(t, s, 200, "/scenarios/keep", url.Values{"yaml": {bad}})
	active("")
	post(t, s, 400, "/scenarios/keep", url.Values{"yaml": {strings.Replace(ownScenario, "mine", "greylisting", 1)}})
	post(t, s, 400, "/scenarios/check", url.Values{"yaml": {strings.Repeat("x", 70_000)}})
	if to := post(t, s, 303, "/scenarios/keep", url.Values{"yaml": {ownScenario}}); to != "/scenarios/mine" {
		t.Error(to)
	}
	active("mine")
	has(t, view(t, s, 200, "/scenarios/mine"), "Mine &lt;b&gt;", "Active for everybody", "452 4.2.2")
	post(t, s, 303, "/scenarios/switch", url.Values{"on": {"greylisting"}})
	active("mine greylisting")
	has(t, view(t, s, 200, "/scenarios/new?from=mine"), "452 4.2.2 Mailbox full")
	has(t, view(t, s, 200, "/scenarios/new?from=greylisting"), "Greylisted, please try again")
	resp, err = http.PostForm(s.HTTPURL()+"/scenarios/save", url.Values{"yaml": {ownScenario}})
	if err != nil || read(t, resp) != ownScenario || resp.Header.Get("Content-Disposition") != `attachment; filename="mine.yaml"` {
		t.Errorf("%v %v", err, resp.Header)
	}
	news(t, s, "/live?view=/scenarios", func() {}, "mine", "greylisting")
}

// TestPageShowsLongLinesOnce checks that many mistakes in one long line don't repeat all of it: the editor asks as one types.
func TestPageShowsLongLinesOnce(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0"})
	yaml := "{" + strings.Repeat("ä: 1, ", 25) + strings.Repeat("x: 1, ", 5000) + "}"
	resp, err := http.PostForm(s.HTTPURL()+"/scenarios/check", url.Values{"yaml": {yaml}, "part": {"yes"}})
	if err != nil {
		t.Fatal(err)
	}
	if body := read(t, resp); !strings.Contains(body, "…</pre>") || !utf8.ValidString(body) || len(body) > 10*len(yaml) {
		t.Errorf("%d bytes about %d:\n%.1000s", len(body), len(yaml), body)
	}
}
