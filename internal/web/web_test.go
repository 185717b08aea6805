package web

import (
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/transcript"
)

func render(t *testing.T, d Data) string {
	t.Helper()
	var b strings.Builder
	if err := Render(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func sample() Data {
	return Data{
		Version: "v1.2.3", Ready: true, User: "alice@example.test", Password: "secret",
		LoginRule: "any user name with any password", CAFile: "/somewhere/ca.pem",
		Doors: []door.Door{
			{Port: 25, Service: "smtp", Protocol: "smtp", Security: "starttls", Address: "127.0.0.1:3025"},
			{Port: 587, Service: "submission", Protocol: "smtp", Security: "starttls-required", Address: "127.0.0.1:3587"},
			{Port: 993, Service: "imaps", Protocol: "imap", Security: "tls", Address: "[::1]:3993"},
			{Port: 110, Service: "pop3", Protocol: "pop3", Security: "starttls", Address: "127.0.0.1:3110"},
		},
	}
}

func TestPageHasWhatAClientAsksFor(t *testing.T) {
	t.Parallel()
	got := render(t, sample())
	for _, want := range []string{
		"<code>localhost</code>", "<code>alice@example.test</code>", "<code>secret</code>", "/ca.pem",
		"<tr><td><code>3025</code></td><td>STARTTLS (or none)</td><td>not needed</td><td>door 25, smtp</td></tr>",
		"<tr><td><code>3587</code></td><td>STARTTLS</td><td>required</td><td>door 587, submission</td></tr>",
		"<tr><td><code>3993</code></td><td>SSL/TLS</td><td>required</td><td>door 993, imaps</td></tr>",
		"<tr><td><code>3110</code></td><td>STARTTLS (or none)</td><td>required</td><td>door 110, pop3</td></tr>",
		"None: every door behaves correctly", "No client has connected yet", "mailrig use NAME",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for _, unwanted := range []string{"<script", "style=", "http://", "https://", "not every door"} {
		if strings.Contains(strings.ToLower(got), unwanted) {
			t.Errorf("%q in the page, which must work without script, inline style or foreign addresses", unwanted)
		}
	}
}

func TestHostileTextIsEscaped(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script><img src=x onerror=y>`
	d := sample()
	d.ServerName, d.User, d.Password, d.LoginRule, d.CAFile, d.Version = evil, evil, evil, evil, evil, evil
	d.Active = []Scenario{{evil, evil, evil}}
	d.Sessions = []*transcript.Session{{
		ID: evil, Door: 25, Service: evil, Client: evil, Start: time.Now(),
		Logins:   []transcript.Login{{User: evil, Mechanism: evil}},
		TLS:      &transcript.TLS{Error: evil, ServerName: evil},
		Injected: []string{evil},
	}}
	d.Findings = []diagnose.Finding{{ID: evil, Severity: evil, Title: evil, Explanation: evil, Advice: evil, Sessions: []string{evil}}}
	got := render(t, d)
	for _, bad := range []string{"<script", "<img", `onerror=y>`} {
		if strings.Contains(got, bad) {
			t.Errorf("%q got through:\n%s", bad, got)
		}
	}
	if !strings.Contains(got, "&lt;script&gt;") {
		t.Error("the session's text isn't shown at all")
	}
}

func TestSessionsNewestFirstAndBounded(t *testing.T) {
	t.Parallel()
	d := sample()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	for i := range 3 * MaxSessions {
		d.Sessions = append(d.Sessions, &transcript.Session{ID: string(rune('A' + i)), Client: "c", Start: start, End: start})
	}
	v := view(d)
	if len(v.Lines) != MaxSessions || v.Lines[0].ID != string(rune('A'+3*MaxSessions-1)) {
		t.Errorf("%d lines, first %+v", len(v.Lines), v.Lines[0])
	}
	if v.Lines[0].At != "03:04:05" || v.Lines[0].Open {
		t.Errorf("%+v", v.Lines[0])
	}
	for i := range 2 * maxFindings {
		d.Findings = append(d.Findings, diagnose.Finding{ID: string(rune('a' + i)), Sessions: []string{"1", "2", "3", "4", "5", "6"}})
	}
	v = view(d)
	if len(v.Found) != maxFindings || v.Found[0].ID != string(rune('a'+2*maxFindings-1)) || len(v.Found[0].Last) != 5 {
		t.Errorf("%d findings, first %+v", len(v.Found), v.Found[0])
	}
	d = sample()
	d.Ready = false
	d.Findings = []diagnose.Finding{{ID: "some-id", Severity: "error", Title: "Something is wrong.", Advice: "Do this.", Sessions: []string{"7"}}}
	d.Sessions = []*transcript.Session{{ID: "7", Start: start}}
	d.Active = []Scenario{{Name: "cert-expired", Title: "The certificate has expired"}, {Name: "mine", User: "bob@example.test"}}
	got := render(t, d)
	for _, want := range []string{"<strong>error: Something is wrong.</strong> Do this.", `<a href="/api/v1/sessions/7/dialogue">7</a>`, "<em>open</em>", "Not every door is open", "<strong>cert-expired</strong>: The certificate has expired", "(only for bob@example.test)", "mailrig use --none"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q", want)
		}
	}
}
