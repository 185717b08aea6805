package gate

import (
	"bytes"
	"iter"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// This file hides in the record of a reply what wasn't shown of the command: servers repeat verbs, tags and parameters.

// maxHidden bounds how many words of a command are looked for in its reply.
const maxHidden = 16

// veil remembers which words of a command aren't shown.
func (g *Gate) veil(line []byte, shown *protocol.Shown) {
	if !shown.Masked && g.hidden == nil { // only this goroutine changes it
		return
	}
	var hidden [][]byte
	if shown.Masked {
		seen := map[string]bool{}
		for word := range words([]byte(shown.Text)) {
			seen[string(word)] = true
		}
		for word := range words(line) {
			if len(hidden) == maxHidden {
				break
			}
			if !seen[string(word)] {
				hidden = append(hidden, bytes.Clone(word))
			}
		}
	}
	g.wmu.Lock()
	g.hidden = hidden
	g.wmu.Unlock()
}

// words yields a line's words, and the parts of those that have separators in them.
func words(line []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for word := range bytes.FieldsSeq(line) {
			if !yield(word) {
				return
			}
			for part := range bytes.FieldsFuncSeq(word, separates) {
				if len(part) < len(word) && !yield(part) {
					return
				}
			}
		}
	}
}

func separates(c rune) bool { return c == '=' || c == ':' || c == '<' || c == '>' || c == '"' }

// veiled returns a reply as it may be recorded. The caller holds g.wmu.
func (g *Gate) veiled(b []byte) []byte {
	for _, word := range g.hidden {
		if rest, ok := bytes.CutPrefix(b, word); ok && len(rest) > 0 && rest[0] == ' ' { // a tag, however short
			b = append([]byte(event.Mask), rest...)
		}
		for _, w := range [][]byte{word, bytes.ToUpper(word)} {
			if len(w) > 3 {
				b = bytes.ReplaceAll(b, w, []byte(event.Mask))
			}
		}
	}
	return b
}
