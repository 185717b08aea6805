package protocol

import (
	"strings"
	"testing"
)

func TestDotEnd(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int{ // how many bytes belong to the message; 0: no end
		".\r\n":              3,
		"a\r\n.\r\nQUIT":     6,
		"..\r\n.\r\n":        7,
		"a.\r\n.\r\n":        7,
		"a\n.\n.\r\n":        0, // a bare LF ends no line (RFC 5321 section 4.1.1.4)
		"a\r.\r\n":           0,
		"a\r\n.\n":           0,
		"a\r\r\n.\r\n":       0, // nor does CR CR LF
		"a\r\n.\r\r\n.\r\n":  0,
		"a\r\n.\rb\r\n.\r\n": 11,
		"":                   0,
	} {
		var e DotEnd
		n, done := e.Scan([]byte(in))
		if done != (want > 0) || done && n != want || !done && n != len(in) {
			t.Errorf("%q: %d, %v; want %d", in, n, done, want)
		}
	}
}

// A message ends at the same place, whatever pieces it comes in.
func FuzzDotEnd(f *testing.F) {
	for _, seed := range []string{".\r\n", "a\r\n.\r\nQUIT", "a\r\r\n.\r\n", "\r\n..\r\n.\r\n", ".\r.\r\n"} {
		f.Add(seed, 1)
	}
	f.Fuzz(func(t *testing.T, in string, piece int) {
		var whole, pieces DotEnd
		want, wantDone := whole.Scan([]byte(in))
		got, done := 0, false
		piece = max(1, piece)
		for got < len(in) && !done {
			var n int
			n, done = pieces.Scan([]byte(in[got:min(len(in), got+min(piece, len(in)))]))
			got += n
		}
		if got != want || done != wantDone {
			t.Fatalf("%q: %d, %v; in pieces of %d: %d, %v", in, want, wantDone, piece, got, done)
		}
		if strings.Contains(in, "\r\r") {
			return // there it isn't the first CR LF . CR LF
		}
		if i := strings.Index("\r\n"+in, "\r\n.\r\n"); wantDone != (i >= 0) || wantDone && want != i+3 {
			t.Fatalf("%q: %d, %v; the dot stands at %d", in, want, wantDone, i)
		}
	})
}
