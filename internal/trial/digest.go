package trial

import (
	"cmp"
	"slices"

	"github.com/mailrig/mailrig/internal/diagnose"
)

// Cause is one thing that a client does wrong, with the scenarios that show it.
type Cause struct {
	Text    string // what it must do, or must not
	Advice  string // what to change; "" if there is no finding that says so
	Results []*Result

	harm harm
}

// harm orders causes. The least value does the most harm.
type harm int

const (
	danger   harm = iota // a password, a message or a trust is lost: a finding of severity error
	crash                // the program crashed, or had to be killed
	untrue               // it reported the opposite of what happened
	nuisance             // a finding that isn't an error
	missing              // it doesn't do what a good client does
	unknown              // there is no verdict
)

// Causes groups what counts against the client by its first reason. The cause that does the most harm comes first, and
// of those that do as much, the one that most scenarios show.
func (r *Report) Causes() []*Cause {
	return r.grouped(func(x *Result) bool { return x.Against() })
}

// Known groups the known failures in the same way.
func (r *Report) Known() []*Cause {
	return r.grouped(func(x *Result) bool { return x.Known })
}

// Unexercised groups the scenarios that weren't exercised by the cause.
func (r *Report) Unexercised() []*Cause {
	return r.grouped(func(x *Result) bool { return x.Verdict == NotExercised })
}

func (r *Report) grouped(include func(*Result) bool) (all []*Cause) {
	byText := map[string]*Cause{}
	for i := range r.Results {
		x := &r.Results[i]
		if !include(x) {
			continue
		}
		text, advice, h := x.cause()
		c := byText[text]
		if c == nil {
			c = &Cause{Text: text, Advice: advice, harm: h}
			byText[text] = c
			all = append(all, c)
		}
		c.harm = min(c.harm, h)
		c.Results = append(c.Results, x)
	}
	slices.SortStableFunc(all, func(a, b *Cause) int {
		return cmp.Or(cmp.Compare(a.harm, b.harm), cmp.Compare(len(b.Results), len(a.Results)))
	})
	return all
}

// cause says what a result is about: its most harmful reason, without what differs from scenario to scenario.
func (r *Result) cause() (text, advice string, h harm) {
	h = unknown + 1
	for _, why := range r.Reasons {
		if one := why.harm(r.Verdict); one < h {
			text, advice, h = cmp.Or(why.General, why.Text), "", one
			if why.Finding != nil {
				advice = why.Finding.Advice
			}
		}
	}
	return text, advice, h
}

func (r Reason) harm(v Verdict) harm {
	switch {
	case v == CouldNotRun || v == NotExercised:
		return unknown
	case r.Finding != nil && r.Finding.Severity == diagnose.Error:
		return danger
	case r.Kind == Crash:
		return crash
	case r.Kind == Untrue:
		return untrue
	case r.Finding != nil:
		return nuisance
	}
	return missing
}

// Score counts the verdicts of one group.
type Score struct {
	Group        string
	Pass         int
	Against      int // failed, or could not run; known failures too
	NotExercised int
}

// Judged is how many scenarios gave a verdict.
func (s Score) Judged() int { return s.Pass + s.Against }

// Scores returns the score of each group, in the order of the results.
func (r *Report) Scores() (all []Score) {
	for i := range r.Results {
		x := &r.Results[i]
		name := group(x)
		at := slices.IndexFunc(all, func(s Score) bool { return s.Group == name })
		if at < 0 {
			at = len(all)
			all = append(all, Score{Group: name})
		}
		switch x.Verdict {
		case Pass:
			all[at].Pass++
		case NotExercised:
			all[at].NotExercised++
		default:
			all[at].Against++
		}
	}
	return all
}
