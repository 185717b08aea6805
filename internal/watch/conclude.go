package watch

import (
	"context"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
)

// Conclude looks at every session that is kept, the client's all, and says what they come
// to if the client does nothing more, the worst first, Good at the end. What the log has
// forgotten is taken from the book.
func (w *Watcher) Conclude(ctx context.Context) ([]Finding, error) {
	sessions := w.cfg.Log.Records()
	c := w.cfg.Table.NewCase(sessions, time.Now())
	c.Over = true
	found := oldestFirst(c.Findings(true), c.Sessions)
	kept := map[string]bool{}
	for _, s := range sessions {
		kept[s.ID] = true
	}
	early, _, _, err := w.Since(ctx, 0)
	for _, f := range early {
		if !slices.ContainsFunc(f.Sessions, func(id string) bool { return kept[id] }) {
			found = append(found, f)
		}
	}
	slices.SortStableFunc(found, func(a, b Finding) int { return rank(a.Severity) - rank(b.Severity) })
	return found, err
}

func rank(s diagnose.Severity) int {
	return slices.Index([]diagnose.Severity{diagnose.Error, diagnose.Warning, diagnose.Info, diagnose.Good}, s)
}
