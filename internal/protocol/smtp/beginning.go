package smtp

// BeginsLine reports whether a line from a server can begin so: a code, and a space or a hyphen (RFC 5321 section
// 4.2.1).
func (*replies) BeginsLine(prefix string) bool {
	for i, c := range []byte(prefix) {
		switch {
		case i == 0 && (c < '2' || c > '5'), i < 3 && (c < '0' || c > '9'), i == 3 && c != ' ' && c != '-':
			return false
		}
	}
	return true
}
