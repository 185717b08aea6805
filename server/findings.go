package server

import (
	"context"
	"slices"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/watch"
)

// Finding is mailrig's reading of one or several sessions of a client: the ID that
// docs/findings.md lists, Severity, and in words a Title, an Explanation and a piece of
// Advice; Guess where there is only a sign; the Client's address, the Door where it
// showed, 0 for none or several, and the ids of the Sessions; the scenarios that were
// Injected into them; and At, when it was certain. Line is the finding on one line.
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
	found, _, _, err := s.watch.Since(context.Background(), 0)
	if err != nil {
		s.cfg.Logger.Error("list the findings", "error", err)
	}
	return slices.DeleteFunc(found, func(f Finding) bool { return f.Severity == Good })
}

// Conclude looks at every session that is kept, the client's all, and says what they come
// to if the client does nothing more, the worst first, Good at the end. It is for the end
// of a test or a command.
func (s *Server) Conclude() []Finding {
	found, err := s.watch.Conclude(context.Background())
	if err != nil {
		s.cfg.Logger.Error("conclude", "error", err)
	}
	return found
}

// CheckFindings returns an error for the first id that no finding of this server has.
func (s *Server) CheckFindings(ids ...string) error { return checkFindings(s.cfg.findings, ids) }

// CheckFindings returns an error for the first id that no finding of mailrig's has.
func CheckFindings(ids ...string) error { return checkFindings(diagnose.Rows(), ids) }

func checkFindings(rows []diagnose.Row, ids []string) error { return watch.Check(rows, ids...) }
