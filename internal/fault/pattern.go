package fault

import (
	"regexp/syntax"
	"strings"
)

// This file finds out what a regular expression can't match, before anything is matched.

// spansLines reports whether all that an expression matches has a line end in it.
func spansLines(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpLiteral:
		return strings.ContainsAny(string(re.Rune), "\r\n")
	case syntax.OpCharClass:
		for i := 0; i < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				if r != '\r' && r != '\n' {
					return false
				}
			}
		}
		return len(re.Rune) > 0
	case syntax.OpConcat:
		for _, part := range re.Sub {
			if spansLines(part) {
				return true
			}
		}
	case syntax.OpAlternate:
		for _, part := range re.Sub {
			if !spansLines(part) {
				return false
			}
		}
		return true
	case syntax.OpCapture, syntax.OpPlus:
		return spansLines(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min > 0 && spansLines(re.Sub[0])
	}
	return false
}

// lineBegins returns the text with which every line begins that an expression matches. "" means that nobody knows.
func lineBegins(re *syntax.Regexp) string {
	if re.Op != syntax.OpConcat || len(re.Sub) < 2 || re.Sub[0].Op != syntax.OpBeginText && re.Sub[0].Op != syntax.OpBeginLine {
		return ""
	}
	if text := re.Sub[1]; text.Op == syntax.OpLiteral && text.Flags&syntax.FoldCase == 0 {
		return string(text.Rune)
	}
	return ""
}
