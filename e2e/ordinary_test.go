package e2e

import (
	"bytes"
	"flag"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/transcript"
)

var record = flag.String("record", "", "directory for the sessions of clients whose settings are right, for internal/diagnose")

// harmless are findings about what clients do in ordinary use, as seen on the wire. They don't mean that the settings
// are wrong.
var harmless = []string{"capabilities-not-asked-again"}

// ofTheMessages are findings about the messages that the tests make (see nasty), and not about the clients that send them
// as they are.
var ofTheMessages = []string{"line-too-long", "header-not-encoded"}

// blameless checks, at the end of the test, that mailrig says nothing against any session except what is true: that it
// was in clear, and what the test does wrong on purpose.
func (r *rig) blameless(t *testing.T, purpose ...string) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		// All of them together, because the rig sees one address. The tests themselves send some messages twice.
		all := diagnose.NewCase(transcript.Records(r.records(t)), time.Now())
		all.Over = true
		for _, f := range bad(all.Findings(false), diagnose.Warning) {
			if len(f.Sessions) > 1 && f.ID != "delivered-twice" && !slices.Contains(purpose, f.ID) {
				t.Errorf("sessions of the test are blamed:\n%s  %v", show([]diagnose.Finding{f}), f.Sessions)
			}
		}
		for _, s := range r.records(t) {
			for _, f := range bad(diagnose.Product().Of(transcript.Record(s), time.Now()), diagnose.Warning) {
				open := s.TLS == nil && (f.ID == "password-sent-in-clear" || f.ID == "mail-sent-in-clear")
				if !open && !slices.Contains(harmless, f.ID) && !slices.Contains(ofTheMessages, f.ID) && !slices.Contains(purpose, f.ID) {
					t.Errorf("a session of the test is blamed:\n%s%s", show([]diagnose.Finding{f}), clip(s.Dialogue()))
				}
			}
		}
	})
}

// keep writes sessions to files for internal/diagnose, without what differs from run to run.
func keep(t *testing.T, name string, list []*transcript.Session) {
	t.Helper()
	if *record == "" {
		return
	}
	start := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	var b []byte
	for _, s := range list {
		r := transcript.Record(s)
		took := r.End.Sub(r.Start)
		r.Start = start.Add(s.Start.Sub(list[0].Start))
		r.End = r.Start.Add(took)
		r.Client, r.Server = "127.0.0.1:40000", net.JoinHostPort("127.0.0.1", "1")
		for i := range r.Logins {
			r.Logins[i].Password = "tag"
		}
		encoded, err := event.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		b = append(append(b, encoded...), '\n')
	}
	if host, err := os.Hostname(); err == nil {
		b = bytes.ReplaceAll(b, []byte(host), []byte("client.example.test"))
	}
	path := filepath.Join(*record, strings.ReplaceAll(name, "/", "-")+".json")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}
