package protocol

import (
	"math/rand/v2"
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
		"a\r\r\n.\r\n":       7, // CR LF ends it behind a CR too
		"\r\r\r\n.\r\n":      7,
		"a\r\n.\r\r\n.\r\n":  10,
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
		if i := strings.Index("\r\n"+in, "\r\n.\r\n"); wantDone != (i >= 0) || wantDone && want != i+3 {
			t.Fatalf("%q: %d, %v; the dot stands at %d", in, want, wantDone, i)
		}
	})
}

// unstuffed is what RFC 5321 section 4.5.2 says of a message, line by line.
func unstuffed(message string) string {
	var b strings.Builder
	for line := range strings.SplitAfterSeq(strings.TrimSuffix("\r\n"+message, ".\r\n"), "\r\n") {
		b.WriteString(strings.TrimPrefix(line, "."))
	}
	return strings.TrimPrefix(b.String(), "\r\n")
}

// unstuff reads in pieces as a framing does.
func unstuff(message string, size func() int) string {
	var scan DotEnd
	var got []byte
	for in := message; in != ""; {
		at := scan
		piece := []byte(in[:min(len(in), size())])
		if at.Owes() && piece[0] != '\n' {
			got = append(got, '\r')
			scan.Paid()
			continue
		}
		scan.Scan(piece)
		in = in[len(piece):]
		got = append(got, at.Unstuff(piece)...)
		if at != scan {
			return "the two have diverged"
		}
	}
	return string(got)
}

func TestUnstuff(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		".\r\n":                       "",
		"a\r\n.\r\n":                  "a\r\n",
		"..\r\n.\r\n":                 ".\r\n",
		"...a\r\n.b\r\n..\r\n.\r\n":   "..a\r\nb\r\n.\r\n",
		"a\r\r\n..b\r\n.\r\n":         "a\r\r\n.b\r\n",
		"a\r\r\n.\r\n":                "a\r\r\n",
		"a\r\n.\rx\r\n.\r\n":          "a\r\n\rx\r\n", // go-smtp loses this CR
		"a\r\n.\r\r\n.\r\n":           "a\r\n\r\r\n",
		".\r.\r\n.\r\n":               "\r.\r\n",
		"a\n.b\n..c\r\n.\r\n":         "a\n.b\n..c\r\n",
		"a\r.\r\n.\r\n":               "a\r.\r\n",
		"\x00\r\n..\x80\r\n\r\n.\r\n": "\x00\r\n.\x80\r\n\r\n",
	} {
		if got := unstuffed(in); got != want {
			t.Errorf("the reference makes %q of %q", got, in)
		}
		for size := 1; size <= len(in); size++ {
			if got := unstuff(in, func() int { return size }); got != want {
				t.Errorf("%q in pieces of %d: %q; want %q", in, size, got, want)
			}
		}
	}
}

// FuzzUnstuff makes messages of the bytes that matter, and compares with the reference.
func FuzzUnstuff(f *testing.F) {
	for seed := range uint64(500) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		b := make([]byte, rnd.IntN(40))
		for i := range b {
			b[i] = "\r\n..ab"[rnd.IntN(6)]
		}
		in := string(b) + "\r\n.\r\n"
		var e DotEnd
		n, done := e.Scan([]byte(in))
		if !done {
			t.Fatalf("%q doesn't end", in)
		}
		in = in[:n]
		want := unstuffed(in)
		for range 4 {
			if got := unstuff(in, func() int { return 1 + rnd.IntN(8) }); got != want {
				t.Fatalf("%q: %q; want %q", in, got, want)
			}
		}
	})
}
