package watch

import (
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
)

// oldestFirst sorts the sessions of each finding by when they began. Their ids have no order.
func oldestFirst(found []Finding, facts []*diagnose.Facts) []Finding {
	began := make(map[string]time.Time, len(facts))
	for _, f := range facts {
		began[f.ID] = f.Start
	}
	for _, f := range found {
		slices.SortStableFunc(f.Sessions, func(a, b string) int { return began[a].Compare(began[b]) })
	}
	return found
}
