package watch

import (
	"context"
	"errors"

	"github.com/mailrig/mailrig/internal/diagnose"
)

// Finding is what a book holds.
type Finding = diagnose.Finding

// Key is a finding's place in a book. No two findings ever have the same one.
type Key uint64

// ErrEmptied is returned for a finding that is about sessions from before the book was
// emptied. It isn't reported.
var ErrEmptied = errors.New("the book of findings has been emptied since")

// Book has the findings reported. Readers follow it by number: each report gets the next
// one, also the report that a finding has grown.
//
// A book may be shared by several processes, so every method may fail. The watcher tries
// again what has failed.
type Book interface {
	// Generation is how often the book was emptied.
	Generation(ctx context.Context) (uint64, error)
	// Add reports a finding that was made from sessions read after Generation returned
	// this generation. The error is ErrEmptied if it is over.
	Add(ctx context.Context, generation uint64, f Finding) (Key, error)
	// Grow replaces what a finding says. With again it is also reported once more, and
	// gets a new number. A finding that the book has let go of only comes back with again.
	Grow(ctx context.Context, generation uint64, key Key, f Finding, again bool) error
	// Retract removes a finding that has turned out to be wrong.
	Retract(ctx context.Context, key Key) error
	// Since returns the findings with larger numbers than n, in the order of their
	// numbers, the largest number of all, and a channel that is closed with the next
	// report. A number that is larger than all stands for 0: it is of an earlier run.
	Since(ctx context.Context, n uint64) (found []Finding, last uint64, more <-chan struct{}, err error)
	// Empty removes all findings and begins a new generation. Numbers go on.
	Empty(ctx context.Context) error
}
