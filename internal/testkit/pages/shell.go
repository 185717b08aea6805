package pages

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// placed is a command with its line in a block.
type placed struct {
	line int
	text string
}

// split takes a block of shell apart into its commands, without comments.
func split(block string) ([]placed, error) {
	file, err := syntax.NewParser().Parse(strings.NewReader(block), "")
	if err != nil {
		return nil, err
	}
	var commands []placed
	for _, s := range file.Stmts {
		commands = append(commands, placed{int(s.Pos().Line()), block[s.Pos().Offset():s.End().Offset()]})
	}
	return commands, nil
}

// Calls returns the programs that a piece of shell calls, with their arguments, in the order of the text. A variable
// in an argument stays as it is written.
func Calls(text string) ([][]string, error) {
	file, err := syntax.NewParser().Parse(strings.NewReader(text), "")
	if err != nil {
		return nil, err
	}
	var calls [][]string
	syntax.Walk(file, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok && len(call.Args) > 0 {
			var words []string
			for _, w := range call.Args {
				words = append(words, literal(w))
			}
			calls = append(calls, words)
		}
		return true
	})
	return calls, nil
}

// literal returns a word without its quotes.
func literal(w *syntax.Word) string {
	var b strings.Builder
	var add func(parts []syntax.WordPart)
	add = func(parts []syntax.WordPart) {
		for _, part := range parts {
			switch part := part.(type) {
			case *syntax.Lit:
				b.WriteString(strings.ReplaceAll(part.Value, `\`, ""))
			case *syntax.SglQuoted:
				b.WriteString(part.Value)
			case *syntax.DblQuoted:
				add(part.Parts)
			default:
				_ = syntax.NewPrinter().Print(&b, part) // a strings.Builder takes everything
			}
		}
	}
	add(w.Parts)
	return b.String()
}
