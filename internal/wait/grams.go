package wait

// grams are the runs of three letters or digits in a text, in a filter that is never wrong about what isn't there. A
// search asks it before it reads a message. nil knows nothing.
type grams []uint64

// A filter suits a text that has about one run for each bit or fewer. Beyond that nearly every bit is set.
const (
	leastGrams = 4       // words of a filter, a power of two
	mostGrams  = 16      // as leastGrams
	mostText   = 4 << 10 // bytes of a text that gets a filter
)

// gramsOf returns the runs in a text, whatever the case of its letters.
func gramsOf(text []byte) grams {
	if len(text) > mostText {
		return nil
	}
	n := leastGrams
	for n < mostGrams && n*64 < len(text) {
		n *= 2
	}
	g := make(grams, n)
	run, have := uint32(0), 0
	for _, c := range text {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			have = 0
			continue
		}
		run = run<<8 | uint32(c)
		if have++; have >= 3 {
			word, bit := g.place(run)
			g[word] |= bit
		}
	}
	return g
}

// lack reports that the text doesn't have this word of lower-case letters and digits. false means that it may have it.
func (g grams) lack(word string) bool {
	if g == nil {
		return false
	}
	for i := 2; i < len(word); i++ {
		at, bit := g.place(uint32(word[i-2])<<16 | uint32(word[i-1])<<8 | uint32(word[i]))
		if g[at]&bit == 0 {
			return true
		}
	}
	return false
}

// place returns where the filter has a run, whose letters are the lower three bytes.
func (g grams) place(run uint32) (word int, bit uint64) {
	h := (run & 0xffffff) * 0x9e3779b1 >> 16 // Fibonacci hashing
	return int(h>>6) & (len(g) - 1), 1 << (h & 63)
}
