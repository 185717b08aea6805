package diagnose

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/transcript"
)

// TestOtherWords checks that no finding depends on a sentence. It replaces mailrig's own words wherever a record or its
// rendering has any: the TLS library's description of a failure, the mask of a credential, and every remark in the
// transcript. All findings must stay the same.
func TestOtherWords(t *testing.T) {
	t.Parallel()
	upside := func(s string) string {
		b := []rune(s)
		slices.Reverse(b)
		return string(b)
	}
	said := 0
	render := transcript.Renderer{
		Words: func(e *event.Event) transcript.Remark {
			r := transcript.Words(e)
			r.Text = upside(r.Text)
			said += len(r.Text)
			return r
		},
		Failure: func(t *event.TLS) string { return upside(transcript.Failure(t)) },
	}
	reword := func(records []*Facts) (out []*event.Record) {
		var sessions []*transcript.Session
		for _, f := range records {
			sessions = append(sessions, render.Of(otherWords(t, f.Record, upside)))
		}
		return transcript.Records(sessions)
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		for _, p := range readGolden(t, path).parts {
			c := readCase(t, p.dialogue)
			want := report(c.Findings(true))
			other := *c
			other.Sessions = Product().factsOf(reword(c.Sessions))
			if c.Control != nil {
				other.WithControl(reword(c.Control))
			}
			if got := report(other.Findings(true)); got != want {
				t.Errorf("%s %q: in other words it gives\n%s\nwant\n%s", path, p.title, got, want)
			}
		}
	}
	if said < 1000 {
		t.Errorf("only %d bytes of sentences were turned", said)
	}
}

// otherWords returns the record with other words in place of mailrig's own. It goes through the encoding, so that
// nothing stays hidden in memory.
func otherWords(t *testing.T, r *event.Record, upside func(string) string) *event.Record {
	t.Helper()
	b, err := event.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	if r, err = event.Decode(b); err != nil {
		t.Fatal(err)
	}
	masked := func(text string) string { return strings.ReplaceAll(text, event.Mask, "(hidden)") }
	for _, e := range r.Events {
		switch w := e.What.(type) {
		case *event.Handshake:
			w.Detail = upside(w.Detail)
		case *event.Alert:
			w.Detail = upside(w.Detail)
		case *event.Command:
			if w.Secret {
				w.Line, w.Args = masked(w.Line), masked(w.Args)
			}
		case *event.Overheard:
			for i := range w.Lines {
				if w.Lines[i].Secret {
					w.Lines[i].Text = masked(w.Lines[i].Text)
				}
			}
		}
	}
	if r.TLS != nil {
		r.TLS.Detail = upside(r.TLS.Detail)
	}
	return r
}
