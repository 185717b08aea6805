package watch

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
)

// Conclude examines all kept sessions since Config.After together and says what they amount to if the client does nothing more. The worst
// finding comes first; those of severity Good come last. For sessions that the log has forgotten, it takes the findings
// from the book.
func (w *Watcher) Conclude(ctx context.Context) ([]Finding, error) {
	sessions, _, _ := w.cfg.Log.Since(w.cfg.After)
	sessions = slices.Concat(sessions, w.cfg.Log.Open(math.MaxInt))
	c := w.cfg.Table.NewCase(sessions, time.Now())
	c.Over = true
	found := oldestFirst(c.Findings(true), c.Sessions)
	kept := map[string]bool{}
	for _, s := range sessions {
		kept[s.ID] = true
	}
	early, _, _, err := w.Since(ctx, w.told)
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
