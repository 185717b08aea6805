package diagnose

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/event"
)

// otherWords gives a record other sentences: of what the TLS library says of a failure, and
// of a scenario.
func otherWords(r *event.Record) {
	const other = "!plǝɥ 'spɹoʍ ɹǝɥʇo"
	for i := range r.Events {
		switch w := r.Events[i].What.(type) {
		case *event.Handshake:
			w.Detail, w.Spoilt = other, other
		case *event.Alert:
			w.Detail = other
		case *event.Setting:
			w.Text = other
		case *event.Cut:
			w.How = other
		case *event.Acted:
			w.Kind = other
		}
	}
	if r.TLS != nil {
		summed := *r.TLS
		summed.Detail, summed.Spoilt = other, other
		r.TLS = &summed
	}
}

// TestOtherWords: whatever words the records have for people, the findings are the same.
func TestOtherWords(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no dialogues", err)
	}
	for _, path := range files {
		for _, p := range readGolden(t, path).parts {
			c := readCase(t, p.dialogue)
			for _, list := range [][]*Facts{c.Sessions, c.Control} {
				for i, f := range list {
					otherWords(f.Record)
					list[i] = Extract(f.Record)
				}
			}
			if got := report(c.Findings(true)); got != p.findings {
				t.Errorf("%s %q in other words gives\n%s\nwant\n%s", path, p.title, got, p.findings)
			}
		}
	}
}

// TestNoSentences: diagnose has no way to the sentences that package transcript makes of
// events, nor to scenarios.
func TestNoSentences(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for pkg := range strings.FieldsSeq(string(out)) {
		for _, far := range []string{"internal/transcript", "internal/fault", "internal/gate", "mailrig/scenarios"} {
			if strings.HasSuffix(pkg, far) {
				t.Errorf("diagnose depends on %s", pkg)
			}
		}
	}
}
