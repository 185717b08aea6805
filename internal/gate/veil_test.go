package gate

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/protocol"
)

// TestVeilHidesWhatIsNotShown checks which words of a command are looked for in its reply.
func TestVeilHidesWhatIsNotShown(t *testing.T) {
	t.Parallel()
	g := new(Gate)
	g.veil([]byte("a LOGIN alice user=<secret> \"x y\"\r\n"), &protocol.Shown{Masked: true, Text: "a LOGIN alice ***"})
	want := []string{"user=<secret>", "user", "secret", `"x`, "x", `y"`, "y"}
	if got := strings.Fields(string(bytes.Join(g.hidden, []byte(" ")))); !slices.Equal(got, want) {
		t.Errorf("hidden are %q, want %q", got, want)
	}
	var many bytes.Buffer
	for i := range 3 * maxHidden {
		fmt.Fprint(&many, i, " ")
	}
	if g.veil(many.Bytes(), &protocol.Shown{Masked: true}); len(g.hidden) != maxHidden {
		t.Errorf("%d words are hidden, want %d", len(g.hidden), maxHidden)
	}
	if g.veil([]byte("a NOOP"), &protocol.Shown{Text: "a NOOP"}); g.hidden != nil {
		t.Errorf("of a command that is shown, %q are hidden", g.hidden)
	}
}

// TestVeilCostGrowsWithLength checks that a long line with one secret among many words that are shown costs no more than in
// proportion to its length.
func TestVeilCostGrowsWithLength(t *testing.T) {
	cost := func(fields int) float64 {
		var line bytes.Buffer
		line.WriteString("a ID (\"token\" ")
		for i := range fields {
			fmt.Fprint(&line, "f", i, " ")
		}
		shown := &protocol.Shown{Masked: true, Text: line.String() + "***)"}
		fmt.Fprint(&line, "x)")
		g, least := new(Gate), math.Inf(1)
		for range 5 {
			began := time.Now()
			g.veil(line.Bytes(), shown)
			least = min(least, time.Since(began).Seconds())
		}
		return least
	}
	const fields, most = 2000, 8 // four times that are 48 KiB, the longest line of IMAP; 16 would be the square
	best := math.Inf(1)
	for try := 0; try < 20 && best > most; try++ {
		best = min(best, cost(4*fields)/cost(fields))
	}
	if best > most {
		t.Errorf("four times the words cost %.1f times as much", best)
	}
}
