package diagnose

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

// TestOrdinary reads sessions of real clients whose settings are right, and expects no fault. To record them, run go
// test ./e2e -run TestMisconfigured -record DIR.
func TestOrdinary(t *testing.T) {
	files, err := filepath.Glob("testdata/ordinary/*.json")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d recordings, %v", len(files), err)
	}
	doors := map[int]bool{}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var list []*event.Record
		for line := range bytes.Lines(b) {
			r, err := event.Decode(line)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			list = append(list, r)
		}
		c := NewCase(list, list[len(list)-1].End.Add(time.Minute))
		c.Over = true
		for _, s := range list {
			doors[s.Door] = true
		}
		found := c.Findings(true)
		for _, f := range found {
			if f.Severity == Error || f.Severity == Warning {
				t.Errorf("%s gives\n%s", path, report([]Finding{f}))
			}
			wellFormed(t, path, f)
		}
		smtp := list[0].Protocol == "smtp" && !strings.Contains(path, "openssl") // s_client only sends NOOP
		if smtp && !gives(found, "mail-sent") || !smtp && list[0].Protocol != "smtp" && !c.any((*Facts).loggedIn) {
			t.Errorf("%s shows a client that did nothing:\n%s", path, report(found))
		}
	}
	for _, p := range all.Protocols() {
		for _, d := range p.Doors {
			if !doors[d.Port] {
				t.Errorf("no client is recorded at door %d", d.Port)
			}
		}
	}
}

// TestOneForMany checks that what happens many times gives one finding.
func TestOneForMany(t *testing.T) {
	for _, id := range []string{"delivered-twice", "repeated-refused-password", "repeated-permanent-failure", "reconnected-too-fast"} {
		g := readGolden(t, filepath.Join("testdata", id+".txt"))
		_, text, _ := strings.Cut(g.parts[0].dialogue, "session ")
		text, _, _ = strings.Cut(text, "\nsession ")
		line, rest, _ := strings.Cut(text, "\n")
		door, _, _ := strings.Cut(line, " ")
		c := readCase(t, "session "+door+" at 0s times 30 every 100ms\n"+rest+"\n")
		n := 0
		for _, f := range c.Findings(false) {
			if f.ID == id {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s: %d findings", id, n)
		}
	}
}
