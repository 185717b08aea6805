package mailpit

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// naive returns where the first match ends, by trying every end.
func naive(pattern []rune, text string) int {
	runes := []rune(text)
	for end := len(pattern); end <= len(runes); end++ {
		fits := true
		for i, p := range pattern {
			fits = fits && (p == '_' || p == runes[end-len(pattern)+i])
		}
		if fits {
			return len(string(runes[:end]))
		}
	}
	return -1
}

func TestIndexLike(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from []rune, n int) []rune {
		list := make([]rune, n)
		for i := range list {
			list[i] = from[random.IntN(len(from))]
		}
		return list
	}
	for range 5000 {
		pattern, text := pick([]rune("aaé_"), random.IntN(5)), string(pick([]rune("aaéb"), random.IntN(12)))
		if random.IntN(20) == 0 { // more than one word of bits
			pattern = append([]rune(strings.Repeat("_a", 40)), pattern...)
			text = strings.Repeat("aa", 40) + text
		}
		if got, want := indexLike(pattern, text), naive(pattern, text); got != want {
			t.Fatalf("%q in %q: %d, want %d", string(pattern), text, got, want)
		}
	}
}

// TestSearchCost checks that no pattern makes a search of a long text take for ever: the worst costs as much as a harmless
// one of the same length.
func TestSearchCost(t *testing.T) {
	text := strings.Repeat("a", 1<<20)
	took := func(pattern string) time.Duration {
		best := time.Hour
		for range 3 {
			began := time.Now()
			like(pattern, text)
			best = min(best, time.Since(began))
		}
		return best
	}
	harmless := took("_" + strings.Repeat("z", 900))
	for _, pattern := range []string{strings.Repeat("_", 900) + "x", "_" + strings.Repeat("a", 900) + "x", strings.Repeat("_a", 450) + "x"} {
		if worst := took(pattern); worst > 8*harmless {
			t.Errorf("%.10s…: %v, and %v for a harmless one", pattern, worst, harmless)
		}
	}
}
