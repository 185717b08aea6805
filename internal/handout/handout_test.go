package handout_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/handout"
	"github.com/mailrig/mailrig/internal/transcript"
)

const hostile = "<script>x</script>"

func example() handout.Session {
	at := 5 * time.Millisecond
	unit := func(d time.Duration, from transcript.Direction, kind transcript.Kind, text string) transcript.Unit {
		return transcript.Unit{At: d, From: from, Kind: kind, Text: text, Bytes: int64(len(text) + 2)}
	}
	long := unit(8*time.Millisecond, transcript.FromClient, transcript.Data, "Subject: "+hostile)
	long.Bytes = 5000
	made := unit(6*time.Millisecond, transcript.FromServer, transcript.Reply, "550-no\n550 5.1.1 never")
	made.Injected = "smtp-unknown-recipient"
	finding := func(id string, s diagnose.Severity, command *time.Duration) diagnose.Finding {
		return diagnose.Finding{ID: id, Severity: s, Title: "Title of " + id + ".", Explanation: "It said\n\x22" + hostile + "\x22.", Advice: "Change it.", Sessions: []string{"7"}, Command: command}
	}
	return handout.Session{
		Session: &transcript.Session{ID: "7", Door: 25, Service: "smtp", Client: "127.0.0.1:1", Start: time.Unix(0, 0), Elided: 3, Units: []transcript.Unit{
			unit(0, transcript.FromServer, transcript.Reply, "220 ready"), unit(at, transcript.FromClient, transcript.Command, "EHLO "+hostile), made, long,
		}},
		Findings: []diagnose.Finding{finding("some-finding", diagnose.Error, &at), finding("of-the-whole", diagnose.Info, nil)},
	}
}

// TestText checks that a finding stands below the line that shows it, and others above the dialogue.
func TestText(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := handout.Text(&b, "1.0", []handout.Session{example()}); err != nil {
		t.Fatal(err)
	}
	const want = `mailrig 1.0, 1970-01-01 00:00:00 UTC
session 7: 25 smtp | 127.0.0.1:1 | no TLS | no login | nothing said
info: Title of of-the-whole. (of-the-whole)
  It said "<script>x</script>".
  Change it.

    0.000s S: 220 ready
    0.005s C: EHLO <script>x</script>
           ^ error: Title of some-finding. (some-finding)
               It said "<script>x</script>".
               Change it.
    0.006s S: [smtp-unknown-recipient] 550-no
           S: [smtp-unknown-recipient] 550 5.1.1 never
    0.008s C: Subject: <script>x</script>
           C: (5000 bytes in all)
(3 lines left out in the middle)
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// TestHTML checks the order, and that nothing that a client or a server said becomes a part of the page.
func TestHTML(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := handout.HTML(&b, "1.0", []handout.Session{example()}); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	at := 0
	for _, want := range []string{"of-the-whole", "220 ready", "EHLO &lt;script&gt;", "some-finding", "made up by smtp-unknown-recipient", "550-no", "more bytes", "3 lines are left out"} {
		next := strings.Index(text[at:], want)
		if next < 0 {
			t.Fatalf("no %q behind %d in\n%s", want, at, text)
		}
		at += next
	}
	if strings.Contains(text, "<script") {
		t.Error("a script")
	}
	if loads := regexp.MustCompile(`(?i)(src|href)\s*=|url\(|@import`).FindString(text); loads != "" {
		t.Errorf("loads something: %s", loads)
	}
}
