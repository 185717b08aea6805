package gate

import (
	"bytes"
	"slices"

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
		seen := words([]byte(shown.Text))
		for _, word := range words(line) {
			if len(hidden) < maxHidden && !slices.ContainsFunc(seen, func(s []byte) bool { return bytes.Equal(s, word) }) {
				hidden = append(hidden, word)
			}
		}
	}
	g.wmu.Lock()
	g.hidden = hidden
	g.wmu.Unlock()
}

// words returns a line's words, and the parts of those that have separators in them.
func words(line []byte) (all [][]byte) {
	for word := range bytes.FieldsSeq(line) {
		all = append(all, bytes.Clone(word))
		if parts := bytes.FieldsFunc(word, separates); len(parts) > 1 || len(parts) == 1 && len(parts[0]) < len(word) {
			for _, part := range parts {
				all = append(all, bytes.Clone(part))
			}
		}
	}
	return all
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
