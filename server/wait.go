package server

import (
	"context"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/wait"
)

// Condition says what to wait for: What kind of thing; Match, which must all be true of a message or a session; IDs of
// findings, any one of which is enough; and Count, how many to wait for (0 means 1).
type Condition = wait.Condition

// What is the kind of thing to wait for: Messages, Sessions or Findings.
type What = wait.What

// The kinds.
const (
	Messages = wait.Messages // in any mailbox: a message to three recipients counts three times, a deleted one doesn't count
	Sessions = wait.Sessions // that are kept, including open ones
	Findings = wait.Findings // including those of severity Good
)

// Matcher is something that must be true of a message or a session: a Key, such as "to", and its Value. docs/http.md
// lists them.
type Matcher = wait.Matcher

// Outcome is the result of waiting: whether the condition was Met in time, the Count of what matches, and the Messages,
// Sessions or Findings that match. After a timeout, these are the latest of everything that arrived, and Text says so
// in words.
type Outcome = wait.Outcome

// ParseMatchers parses words like "to:bob@example.test" and "subject:Welcome home". Words without a key continue the
// value before them. "any" alone is no matcher at all.
func ParseMatchers(what What, texts ...string) ([]Matcher, error) {
	return language(door.All(), diagnose.Rows()).Parse(what, texts...)
}

// Wait returns when a condition is met, or when ctx ends. What is there already when it is called counts too. The error
// says that the condition makes no sense, or that the mail or the findings can't be read.
func (s *Server) Wait(ctx context.Context, c Condition) (Outcome, error) {
	return wait.For(ctx, waited{s}, c)
}

// waited is the server as package wait sees it.
type waited struct{ *Server }

func (w waited) Language() wait.Language { return language(door.Of(w.protocols), w.cfg.findings) }
func (w waited) Journal() event.Journal  { return w.journal }

// Mail implements wait.Rig.
func (w waited) Mail(ctx context.Context, n uint64) ([]Mail, uint64, error) {
	return w.Server.mail.Since(ctx, n)
}

// WatchMail implements wait.Rig.
func (w waited) WatchMail(ctx context.Context) (<-chan struct{}, func(), error) {
	return w.Server.mail.Watch(ctx)
}

func (w waited) FindingsSince(ctx context.Context, n uint64) ([]Finding, uint64, <-chan struct{}, error) {
	return w.watch.Since(ctx, n)
}

func language(doors []door.Door, rows []diagnose.Row) wait.Language {
	return wait.Language{Doors: doors, Check: func(ids ...string) error { return checkFindings(rows, ids) }}
}
