package wait

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/transcript"
)

// Rig is what For needs to know about a rig.
type Rig interface {
	Language() Language
	// Address turns a user's name into an address.
	Address(name string) string
	// Mail lists the messages in all mailboxes that came after the first n, in order of arrival, and returns how many
	// have come.
	Mail(ctx context.Context, n uint64) (mail []Mail, next uint64, err error)
	// WatchMail returns a channel that receives a token when mail has arrived. stop ends the watch.
	WatchMail(ctx context.Context) (arrived <-chan struct{}, stop func(), err error)
	// Journal returns the journal of the rig's sessions.
	Journal() event.Journal
	// FindingsSince returns the findings with numbers above n, the n for the next call, and a channel that is closed
	// when there is another finding.
	FindingsSince(ctx context.Context, n uint64) (found []diagnose.Finding, next uint64, more <-chan struct{}, err error)
}

// Outcome is the result of waiting.
type Outcome struct {
	Met   bool   `json:"met"`            // enough arrived in time
	Count int    `json:"count"`          // how many match
	Text  string `json:"text,omitempty"` // after a timeout: what arrived instead, in words
	// What matches. After a timeout: the latest messages, sessions and findings of any kind.
	Messages []Mail                `json:"messages"`
	Sessions []*transcript.Session `json:"sessions"`
	Findings []diagnose.Finding    `json:"findings"`
	Next     uint64                `json:"next"` // Condition.After for what comes later
}

const (
	beginPause = 100 * time.Millisecond // between two checks for sessions that have begun
	scanPause  = 20 * time.Millisecond  // between two checks, at least
	missedTime = 2 * time.Second        // for listing what arrived instead
)

// For waits until the condition is met or ctx ends. What is there already when For is called counts too. If the
// condition makes no sense, the error is a *BadCondition.
func For(ctx context.Context, rig Rig, c Condition) (Outcome, error) {
	if err := rig.Language().check(&c); err != nil {
		return Outcome{}, err
	}
	began := time.Now()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) { // no time to wait
		return lastLook(ctx, rig, &c, began)
	}
	arrived, stop, err := rig.WatchMail(ctx)
	if err != nil {
		return Outcome{}, fmt.Errorf("watch for mail: %w", err)
	}
	defer stop()
	if c.What != Messages {
		arrived = nil
	}
	var opened <-chan time.Time // nothing reports a session that begins
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
			return missed(ctx, rig, &c, o, time.Since(began))
		case <-arrived:
		case <-more:
		case <-opened:
		}
		// A check takes long where there is much to check. Waiting must not slow down anybody else, so pauses grow with
		// it.
		pause := time.NewTimer(max(scanPause, 10*took))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return lastLook(ctx, rig, &c, began)
		}
	}
}

// lastLook looks once more when the time is up: what is there counts.
func lastLook(ctx context.Context, rig Rig, c *Condition, began time.Time) (Outcome, error) {
	now, cancel := context.WithTimeout(context.WithoutCancel(ctx), missedTime)
	defer cancel()
	o, _, err := look(now, rig, c)
	if o.Met = err == nil && o.Count >= c.Count; o.Met || err != nil {
		return o, err
	}
	return missed(now, rig, c, o, time.Since(began))
}

// look collects what matches now. more is closed when there are more sessions or findings to check.
func look(ctx context.Context, rig Rig, c *Condition) (o Outcome, more <-chan struct{}, err error) {
	switch c.What {
	case Messages:
		fits := MailTest(c.Match, rig.Address)
		all, next, err := rig.Mail(ctx, c.After)
		if err != nil {
			return Outcome{}, nil, err
		}
		if o.Next = next; c.After > next {
			return Outcome{}, nil, c.early(next)
		}
		for i := range all {
			if c.After > 0 && !all[i].Since(c.After) {
				continue
			}
			ok, err := fits(ctx, &all[i])
			if err != nil {
				return Outcome{}, nil, err
			}
			if ok {
				o.Messages = append(o.Messages, all[i])
			}
		}
	case Sessions:
		if _, o.Next, more = rig.Journal().Since(math.MaxUint64); c.After > o.Next {
			return Outcome{}, nil, c.early(o.Next)
		}
		for s := range rig.Journal().Walk(c.After, true) {
			if c.sessionFits(s, rig.Address) {
				o.Sessions = append(o.Sessions, transcript.Of(s))
			}
		}
	case Findings:
		var all []diagnose.Finding
		if all, o.Next, more, err = rig.FindingsSince(ctx, c.After); err != nil {
			return Outcome{}, nil, err
		}
		if c.After > o.Next {
			return Outcome{}, nil, c.early(o.Next)
		}
		o.Findings = slices.DeleteFunc(all, func(f diagnose.Finding) bool { return !slices.Contains(c.IDs, f.ID) })
	}
	o.Count = len(o.Messages) + len(o.Sessions) + len(o.Findings)
	return o, more, nil
}

// early is the error for an After that no answer of this run gave.
func (c *Condition) early(next uint64) error {
	return bad("after is %d, but only %d %s have come: the number is of an earlier run of mailrig; ask for a new one", c.After, next, c.What)
}
