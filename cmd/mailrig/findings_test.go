package main

import (
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/server"
)

// TestSessionsInOrder checks the order of sessions. Their ids have no order: a server that shares its work has several
// 1s.
func TestSessionsInOrder(t *testing.T) {
	t.Parallel()
	for ids, want := range map[string]string{
		"":             "#?",
		"b/1":          "#b/1",
		"10 9":         "#10 and #9",
		"10 9 10 b/1":  "#10, #9 and #b/1",
		"7 6 5 4 3 2":  "#7, #6, #5 and 3 more",
		"7 7 7 7 7 7 ": "#7",
	} {
		if got := numbers(strings.Fields(ids)); got != want {
			t.Errorf("%s: %s, want %s", ids, got, want)
		}
	}

	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	kept := []*server.Session{{ID: "1", Start: start.Add(2 * time.Second)}, {ID: "b/2", Start: start}, {ID: "a", Start: start.Add(time.Second)}}
	found := func(ids ...string) server.Finding {
		return server.Finding{ID: "no-quit", Severity: server.Warning, Title: "it left.", Sessions: ids}
	}
	var out strings.Builder
	(&app{stderr: &out}).conclude([]server.Finding{found("1"), found("a", "forgotten"), found("b/2", "1")}, kept)
	if got, want := out.String(), "mailrig: warning: it left. (no-quit of #forgotten, #b/2, #a and #1)\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
