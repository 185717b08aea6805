package server

import (
	"context"
	"slices"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/watch"
)

// Finding says what one or several sessions of a client mean. It has the ID that docs/findings.md lists, a Severity
// and, in words, a Title, an Explanation and one piece of Advice. Guess says that there is only a sign. Client is the
// client's address. Door is the port where it happened (0: several or none), and Sessions holds the ids of the
// sessions. Injected lists the scenarios that acted in them. At is when it became certain. Line returns the finding on
// one line.
type Finding = diagnose.Finding

// Severity says how serious a finding is.
type Severity = diagnose.Severity

// The severities, the worst first.
const (
	Error   = diagnose.Error
	Warning = diagnose.Warning
	Info    = diagnose.Info
	Good    = diagnose.Good
)

// Findings returns the findings so far except those of severity Good, oldest first, the last 1,000 at most.
func (s *Server) Findings() []Finding {
	found, _, _, err := s.watch.Since(context.Background(), 0)
	if err != nil {
		s.cfg.Logger.Error("list the findings", "error", err)
	}
	return slices.DeleteFunc(found, func(f Finding) bool { return f.Severity == Good })
}

// Conclude examines all kept sessions as those of one client, and says what they mean if the client does nothing more.
// The worst finding comes first; those of severity Good come last. Call it at the end of a test or a command.
func (s *Server) Conclude() []Finding {
	found, err := s.watch.Conclude(context.Background())
	if err != nil {
		s.cfg.Logger.Error("conclude", "error", err)
	}
	return found
}

// CheckFindings returns an error for the first id that no finding of this server has.
func (s *Server) CheckFindings(ids ...string) error { return checkFindings(s.cfg.findings, ids) }

// CheckFindings returns an error for the first id that none of mailrig's own findings has.
func CheckFindings(ids ...string) error { return checkFindings(diagnose.Rows(), ids) }

func checkFindings(rows []diagnose.Row, ids []string) error { return watch.Check(rows, ids...) }

// FindingKind is one thing that mailrig can find out.
type FindingKind struct {
	ID, Title string
	Severity  Severity
}

// FindingKinds lists mailrig's own findings, in the order of docs/findings.md.
func FindingKinds() (all []FindingKind) {
	for _, row := range diagnose.Rows() {
		all = append(all, FindingKind{row.ID, row.Title, row.Severity})
	}
	return all
}
