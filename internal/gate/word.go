package gate

import "bytes"

// cutWord splits a line at its first space.
func cutWord(line []byte) (word string, rest []byte) {
	line = bytes.TrimRight(line, "\r\n")
	w, rest, _ := bytes.Cut(line, []byte(" "))
	return string(w), bytes.TrimLeft(rest, " ")
}
