package explain

import (
	"regexp/syntax"
	"slices"
	"strings"
)

// A sign's regular expression is tried only near a piece of text that it must contain, and at most so often.
const (
	before     = 200 // bytes before such a piece
	after      = 400
	mostTries  = 40
	mostWords  = 160 // of a reason, in bytes
	leastBytes = 3   // of a piece
)

// signsIn returns the signs that are in a text, in the order of the text.
func (t *Table) signsIn(text line) []evidence {
	type hit struct{ at, sign, end int }
	var hits []hit
	tries := make([]int, len(t.signs))
	seen := make([]int, len(t.signs)) // how far a sign's text has been looked at
	found := make([]bool, len(t.signs))
	t.words.scan(text.lower, func(sign, end int) {
		if found[sign] || tries[sign] >= mostTries || end <= seen[sign] {
			return
		}
		tries[sign]++
		from, to := max(0, end-before), min(len(text.lower), end+after)
		if m := t.signs[sign].re.FindStringIndex(text.lower[from:to]); m != nil {
			found[sign] = true
			hits = append(hits, hit{from + m[0], sign, from + m[1]})
			return
		}
		seen[sign] = end + after/2
	})
	slices.SortFunc(hits, func(a, b hit) int {
		if a.at != b.at {
			return a.at - b.at
		}
		return a.sign - b.sign
	})
	all := make([]evidence, len(hits))
	for i, h := range hits {
		s := t.signs[h.sign]
		all[i] = evidence{means: s.means, group: s.group, sure: s.sure, level: s.level, words: clip(text.shown[h.at:h.end]), family: s.family, counted: s.counted}
	}
	return all
}

// clip shortens words for a reason.
func clip(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > mostWords {
		s = strings.ToValidUTF8(s[:mostWords], "") + "..."
	}
	return s
}

// required returns pieces of text of which every match of a regular expression has at least one, or nil.
func required(expr string) []string {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil
	}
	pieces := need(re.Simplify())
	if slices.ContainsFunc(pieces, func(p string) bool { return len(p) < leastBytes }) {
		return nil
	}
	return pieces
}

func need(re *syntax.Regexp) (best []string) {
	if all := exact(re); shortest(all) > 0 {
		return all
	}
	switch re.Op {
	case syntax.OpCapture, syntax.OpPlus:
		return need(re.Sub[0])
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			pieces := need(sub)
			if pieces == nil {
				return nil
			}
			best = append(best, pieces...)
		}
	case syntax.OpConcat:
		better := func(pieces []string) {
			if shortest(pieces) > shortest(best) {
				best = pieces
			}
		}
		run := []string{""} // what the last parts match together
		for _, sub := range re.Sub {
			all := exact(sub)
			if longer := cross(run, all); longer != nil {
				run = longer
				continue
			}
			better(run)
			if run = all; run == nil {
				better(need(sub))
				run = []string{""}
			}
		}
		better(run)
	}
	return best
}

// mostExact is how many texts a part of a regular expression may match to be counted up.
const mostExact = 32

// exact returns all texts that a regular expression matches, or nil if there are many.
func exact(re *syntax.Regexp) (all []string) {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return []string{""}
	case syntax.OpLiteral:
		return []string{strings.ToLower(string(re.Rune))}
	case syntax.OpCharClass:
		for i := 0; i < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				if all = append(all, strings.ToLower(string(r))); len(all) > mostExact {
					return nil
				}
			}
		}
	case syntax.OpCapture:
		return exact(re.Sub[0])
	case syntax.OpQuest:
		if all = exact(re.Sub[0]); all != nil {
			all = append(all, "")
		}
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			more := exact(sub)
			if all = append(all, more...); more == nil || len(all) > mostExact {
				return nil
			}
		}
	case syntax.OpConcat:
		all = []string{""}
		for _, sub := range re.Sub {
			if all = cross(all, exact(sub)); all == nil {
				return nil
			}
		}
	}
	return all
}

// cross returns every text of a followed by every one of b, or nil if they are many.
func cross(a, b []string) (all []string) {
	if len(a)*len(b) > mostExact {
		return nil
	}
	for _, x := range a {
		for _, y := range b {
			all = append(all, x+y)
		}
	}
	return all
}

func shortest(pieces []string) int {
	if len(pieces) == 0 {
		return 0
	}
	n := len(pieces[0])
	for _, p := range pieces {
		n = min(n, len(p))
	}
	return n
}

// automaton finds many pieces of text in one pass (Aho and Corasick, 1975).
type automaton struct {
	class [256]uint8 // of a byte; 0: in no piece
	width int        // number of classes
	next  []int32    // complete: also where a piece doesn't go on
	signs [][]int    // for each node, whose piece ends here
}

// newAutomaton builds the automaton. literals[i] are the pieces of sign i.
func newAutomaton(literals [][]string) *automaton {
	a := &automaton{width: 1}
	for _, pieces := range literals {
		for _, c := range []byte(strings.Join(pieces, "")) {
			if a.class[c] == 0 {
				a.class[c] = uint8(a.width)
				a.width++
			}
		}
	}
	a.node()
	for sign, pieces := range literals {
		for _, piece := range pieces {
			at := int32(0)
			for _, c := range []byte(piece) {
				i := int(at)*a.width + int(a.class[c])
				if a.next[i] == 0 {
					to := a.node()
					a.next[i] = to
				}
				at = a.next[i]
			}
			a.signs[at] = append(a.signs[at], sign)
		}
	}
	fail := make([]int32, len(a.signs))
	var queue []int32
	for _, to := range a.next[:a.width] {
		if to != 0 {
			queue = append(queue, to)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		back := fail[at]
		a.signs[at] = append(a.signs[at], a.signs[back]...)
		for c := range a.width {
			i := int(at)*a.width + c
			elsewhere := a.next[int(back)*a.width+c]
			if to := a.next[i]; to != 0 {
				fail[to] = elsewhere
				queue = append(queue, to)
			} else {
				a.next[i] = elsewhere
			}
		}
	}
	return a
}

// node adds a node.
func (a *automaton) node() int32 {
	a.next = append(a.next, make([]int32, a.width)...)
	a.signs = append(a.signs, nil)
	return int32(len(a.signs) - 1)
}

// scan calls found for every piece in the text, with the sign that it belongs to and where it ends.
func (a *automaton) scan(text string, found func(sign, end int)) {
	at := int32(0)
	for i := range len(text) {
		at = a.next[int(at)*a.width+int(a.class[text[i]])]
		for _, sign := range a.signs[at] {
			found(sign, i+1)
		}
	}
}
