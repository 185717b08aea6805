package watch

import (
	"slices"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
)

func TestOldestFirst(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var facts []*diagnose.Facts
	for i, id := range []string{"b/1", "10", "9", "1"} {
		facts = append(facts, &diagnose.Facts{Record: &event.Record{ID: id, Start: start.Add(time.Duration(i) * time.Second)}})
	}
	found := oldestFirst([]Finding{{Sessions: []string{"1", "9", "10", "b/1"}}, {Sessions: []string{"10"}}}, facts)
	if got, want := found[0].Sessions, []string{"b/1", "10", "9", "1"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
