package wait

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/transcript"
)

// Rig is what waiting must know of a rig.
type Rig interface {
	Language() Language
	// Address brings a user's name into the form of an address.
	Address(name string) string
	// Mail lists every message in every mailbox, in the order in which they came.
	Mail(ctx context.Context) ([]Mail, error)
	// WatchMail returns a channel that gets a token when mail has come. stop ends that.
	WatchMail(ctx context.Context) (arrived <-chan struct{}, stop func(), err error)
	// Journal has the records of the sessions.
	Journal() event.Journal
	// FindingsSince returns the findings with larger numbers than n, the number to ask
	// with next time, and a channel that is closed when there is another one.
	FindingsSince(ctx context.Context, n uint64) (found []diagnose.Finding, next uint64, more <-chan struct{}, err error)
}

// Outcome is what came of waiting.
type Outcome struct {
	Met   bool   `json:"met"`            // as many as wanted were there in time
	Count int    `json:"count"`          // how many fit
	Text  string `json:"text,omitempty"` // what arrived instead, in words, when the wait timed out
	// What fits, or, when the wait timed out, the last of everything that arrived instead.
	Messages []Mail                `json:"messages"`
	Sessions []*transcript.Session `json:"sessions"`
	Findings []diagnose.Finding    `json:"findings"`
}

const (
	beginPause = 100 * time.Millisecond // between two looks for sessions that have begun
	scanPause  = 20 * time.Millisecond  // between two looks, at least
	missedTime = 2 * time.Second        // for saying what did come instead
)

// For returns when a condition is met, or when ctx ends. It counts what is there when it
// is called too. The error is a *BadCondition when the condition makes no sense.
func For(ctx context.Context, rig Rig, c Condition) (Outcome, error) {
	if err := rig.Language().check(&c); err != nil {
		return Outcome{}, err
	}
	began := time.Now()
	arrived, stop, err := rig.WatchMail(ctx)
	if err != nil {
		return Outcome{}, fmt.Errorf("watch for mail: %w", err)
	}
	defer stop()
	if c.What != Messages {
		arrived = nil
	}
	var opened <-chan time.Time // sessions that begin tell nobody
	if c.What == Sessions {
		tick := time.NewTicker(beginPause)
		defer tick.Stop()
		opened = tick.C
	}
	for {
		looked := time.Now()
		o, more, err := look(ctx, rig, &c)
		if err != nil && ctx.Err() == nil {
			return Outcome{}, err
		}
		if o.Met = err == nil && o.Count >= c.Count; o.Met {
			return o, nil
		}
		took := time.Since(looked)
		select {
		case <-ctx.Done():
			return missed(ctx, rig, &c, o.Count, time.Since(began))
		case <-arrived:
		case <-more:
		case <-opened:
		}
		// A look takes long where there is much, and waiting must cost nobody else much.
		pause := time.NewTimer(max(scanPause, 10*took))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
}

// look collects what fits now. more is closed when there are more sessions or findings to
// look at.
func look(ctx context.Context, rig Rig, c *Condition) (o Outcome, more <-chan struct{}, err error) {
	switch c.What {
	case Messages:
		all, err := rig.Mail(ctx)
		if err != nil {
			return Outcome{}, nil, err
		}
		for i := range all {
			ok, err := c.mailFits(ctx, &all[i], rig.Address)
			if err != nil {
				return Outcome{}, nil, err
			}
			if ok {
				o.Messages = append(o.Messages, all[i])
			}
		}
	case Sessions:
		_, _, more = rig.Journal().Since(math.MaxUint64)
		for _, s := range rig.Journal().Records() {
			if c.sessionFits(s, rig.Address) {
				o.Sessions = append(o.Sessions, transcript.Of(s))
			}
		}
	case Findings:
		var all []diagnose.Finding
		if all, _, more, err = rig.FindingsSince(ctx, 0); err != nil {
			return Outcome{}, nil, err
		}
		o.Findings = slices.DeleteFunc(all, func(f diagnose.Finding) bool { return !slices.Contains(c.IDs, f.ID) })
	}
	o.Count = len(o.Messages) + len(o.Sessions) + len(o.Findings)
	return o, more, nil
}
