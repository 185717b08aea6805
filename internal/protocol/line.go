package protocol

import (
	"bytes"
	"strings"
)

// Line is a command line, split into its parts.
type Line struct {
	Tag  string // "" in a protocol without tags
	Verb string // upper case, including a sub-command
	Args string // what follows the verb, without the line end
}

// CutWord splits a line at its first space. rest has no line end, and no space before it.
func CutWord(line []byte) (word, rest []byte) {
	line = bytes.TrimRight(line, "\r\n")
	word, rest, _ = bytes.Cut(line, []byte(" "))
	return word, bytes.TrimLeft(rest, " ")
}

// Verb returns a verb in upper case. It allocates nothing for one of the words that is in upper case already.
func (w Words) Verb(verb []byte) string {
	for i := range w {
		if w[i].Verb == string(verb) {
			return w[i].Verb
		}
	}
	return strings.ToUpper(string(verb))
}

// TrimEnd removes one line end.
func TrimEnd(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

// Begin reports whether a line begins with one of the words.
func (w Words) Begin(line string) bool {
	verb, _, _ := strings.Cut(line, " ")
	_, known := w.Find(verb)
	return known
}

// Upper writes names in upper case, in place.
func Upper(names []string) []string {
	for i := range names {
		names[i] = strings.ToUpper(names[i])
	}
	return names
}
