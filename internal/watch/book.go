package watch

import (
	"context"
	"errors"

	"github.com/mailrig/mailrig/internal/diagnose"
)

// Finding is what a book holds.
type Finding = diagnose.Finding

// Key identifies a finding in a book. Keys are never reused.
type Key uint64

// ErrEmptied is returned for a finding about sessions from before the book was emptied. Such a finding isn't reported.
var ErrEmptied = errors.New("the book of findings has been emptied since")

// Book holds the reported findings. Readers follow it by number: each report gets the next number, including a report
// that a finding has grown.
//
// Several processes may share a book, so every method may fail. The watcher retries what failed.
type Book interface {
	// Generation returns how often the book has been emptied.
	Generation(ctx context.Context) (uint64, error)
	// Add reports a finding about sessions that were read after Generation returned this generation. It returns
	// ErrEmptied if the book has been emptied since.
	Add(ctx context.Context, generation uint64, f Finding) (Key, error)
	// Grow replaces the text of a finding. If again is set, the book reports the finding once more, with a new number.
	// A finding that the book has dropped reappears only if again is set.
	Grow(ctx context.Context, generation uint64, key Key, f Finding, again bool) error
	// Retract removes a finding that has turned out to be wrong.
	Retract(ctx context.Context, key Key) error
	// Since returns the findings with numbers above n in order, the largest number of all, and a channel that is closed
	// by the next report. If n is above the largest number, it comes from an earlier run, and Since treats it as 0.
	Since(ctx context.Context, n uint64) (found []Finding, last uint64, more <-chan struct{}, err error)
	// Empty removes all findings and begins a new generation. Numbers go on.
	Empty(ctx context.Context) error
}
