package diagnose

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// TestNoFlawInOrdinaryCommands checks that what real clients say, and servers accept, has no flaw.
func TestNoFlawInOrdinaryCommands(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/ordinary/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no sessions", err)
	}
	commands := 0
	for _, path := range files {
		for _, r := range readRecords(t, path) {
			f := Product().Extract(r)
			for _, s := range f.Steps {
				commands++
				flaw := f.speaks.Flaw(protocol.Line{Tag: s.Tag, Verb: s.Verb, Args: s.Args})
				if flaw != nil && s.Reply.Class == event.OK && !s.Secret {
					t.Errorf("%s: %q was accepted: %s", path, s.Line, flaw.What)
				}
			}
		}
	}
	if commands < 100 {
		t.Errorf("only %d commands", commands)
	}
}

// readRecords reads the records in a file, one on each line.
func readRecords(t testing.TB, path string) (all []*event.Record) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		r, err := event.Decode(line)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}
