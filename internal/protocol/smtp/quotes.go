package smtp

import "iter"

// outsideQuotes ranges over the bytes of a path that aren't in quotes, with their indexes. In quotes, any character may
// be, and a backslash makes the next one ordinary (RFC 5321 section 4.1.2).
func outsideQuotes(path string) iter.Seq2[int, byte] {
	return func(yield func(int, byte) bool) {
		quoted := false
		for i := 0; i < len(path); i++ {
			switch c := path[i]; {
			case c == '\\' && quoted:
				i++
			case c == '"':
				quoted = !quoted
			case !quoted && !yield(i, c):
				return
			}
		}
	}
}
