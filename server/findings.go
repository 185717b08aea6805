package server

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/diagnose"
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
		if near := nearest(id, known); near != "" {
			hint = "did you mean " + near + "?"
		}
		return fmt.Errorf("no finding has the id %q; %s", id, hint)
	}
	return nil
}

func notGood(f *Finding) bool  { return f.Severity != Good }
func everything(*Finding) bool { return true }

// nearest returns the known word that is most like a misspelt one: it has at most a third
// of its letters otherwise, or begins with it; "" for none.
func nearest(word string, known []string) string {
	word = strings.ToLower(word)
	best, fewest := "", max(1, len(word)/3)+1
	for _, k := range known {
		n := distance(word, k)
		if len(word) >= 4 && strings.HasPrefix(k, word) {
			n = 1
		}
		if n < fewest {
			best, fewest = k, n
		}
	}
	return best
}

// distance counts the letters left out, added or mistaken (Levenshtein).
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			n := diagonal
			if a[i] != b[j] {
				n++
			}
			diagonal = row[j+1]
			row[j+1] = min(n, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
