package wait

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// TestConditionCostGrowsWithLength checks that no condition costs more than in proportion to its length and to that of the message.
func TestConditionCostGrowsWithLength(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector's turns aren't the parser's cost
	l := newRig().Language()
	parse := func(s string) { l.Parse(Messages, s) }
	contains := func(text, part string) { strings.Contains(fold(text), fold(part)) }
	has := func(value string) func(string) {
		return func(s string) {
			contains(s, value)
			contains(value, s)
		}
	}
	for name, tc := range map[string]struct {
		do   func(string)
		head string
		each string
	}{
		"words":              {parse, "subject:a", " b"},
		"matchers":           {parse, "", "subject:a "},
		"an unknown matcher": {parse, "", "subjec"},
		"colons":             {parse, "subject:a", " x:y"},
		"blanks":             {parse, "subject:a", " "},
		"a text":             {has("a b c"), "", "a b "},
		"blanks in a text":   {has("a b"), "a", " \r\n\t"},
		"nearly the text":    {has(strings.Repeat("a", 1000) + "b"), "", "a"},
	} {
		best := 100.0
		const most = 8 // 16 would be the square
		for try := 0; try < 20 && best > most; try++ {
			best = min(best, cost(tc.do, tc.head+strings.Repeat(tc.each, (1<<17)/len(tc.each)))/cost(tc.do, tc.head+strings.Repeat(tc.each, (1<<15)/len(tc.each))))
		}
		if best > most {
			t.Errorf("%s: four times the length costs %.1f times as much", name, best)
		}
	}
}

// cost returns the least time of three, in seconds, and at least half a millisecond.
func cost(do func(string), s string) float64 {
	least := time.Hour
	for range 3 {
		runtime.GC() // so that memory is used again: a larger input would pay for fresh pages
		began := time.Now()
		do(s)
		least = min(least, time.Since(began))
	}
	return max(least.Seconds(), 5e-4)
}
