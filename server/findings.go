package server

import (
	"context"
	"fmt"
	"slices"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/suggest"
)

// Finding is mailrig's reading of one or several sessions of a client.
type Finding = diagnose.Finding

// Severity says how much a finding matters.
type Severity = diagnose.Severity

// The severities.
const (
	Error   = diagnose.Error
	Warning = diagnose.Warning
	Info    = diagnose.Info
	Good    = diagnose.Good
)

// Findings returns what is known by now, oldest first, the last 1,000 of it; what is as
// it should be (Good) isn't among it.
func (s *Server) Findings() []Finding {
	found, _, _ := s.watch.book.since(0, notGood)
	return found
}

// Quiesce returns when no session is open, or when ctx ends; done tells which.
func (s *Server) Quiesce(ctx context.Context) (done bool) {
	for {
		_, _, more := s.log.Since(^uint64(0))
		if !s.log.Busy() {
			return true
		}
		select {
		case <-more:
		case <-ctx.Done():
			return false
		}
	}
}

// Conclude looks at every session that is kept, the client's all, and says what they come
// to if the client does nothing more, the worst first, Good at the end. It is for the end
// of a test or a command.
func (s *Server) Conclude() []Finding {
	sessions := s.log.Sessions()
	c := diagnose.NewCase(sessions, now())
	c.Over = true
	found := c.Findings(true)
	// What the log has forgotten is still in the book.
	kept := map[string]bool{}
	for _, x := range sessions {
		kept[x.ID] = true
	}
	early, _, _ := s.watch.book.since(0, everything)
	for _, f := range early {
		if !slices.ContainsFunc(f.Sessions, func(id string) bool { return kept[id] }) {
			found = append(found, f)
		}
	}
	slices.SortStableFunc(found, func(a, b Finding) int { return severityRank(a.Severity) - severityRank(b.Severity) })
	return found
}

func severityRank(s Severity) int { return slices.Index([]Severity{Error, Warning, Info, Good}, s) }

// CheckFindings returns an error for the first id that no finding has.
func CheckFindings(ids ...string) error {
	for _, id := range ids {
		if _, ok := diagnose.Lookup(id); ok {
			continue
		}
		var known []string
		for _, r := range diagnose.Rows() {
			known = append(known, r.ID)
		}
		hint := "docs/findings.md lists them"
		if near := suggest.Nearest(id, known); near != "" {
			hint = "did you mean " + near + "?"
		}
		return fmt.Errorf("no finding has the id %q; %s", id, hint)
	}
	return nil
}

func notGood(f *Finding) bool  { return f.Severity != Good }
func everything(*Finding) bool { return true }
