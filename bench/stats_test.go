package main

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestSignTestRank compares the ranks with tables of the sign test, for two sides and 5 %.
func TestSignTestRank(t *testing.T) {
	for n, want := range map[int]int{0: 0, 1: 0, 5: 0, 6: 1, 8: 1, 9: 2, 15: 4, 25: 8, 50: 18, 100: 40} {
		if got := signTestRank(n); got != want {
			t.Errorf("of %d values the rank is %d, want %d", n, got, want)
		}
	}
}

func TestMedianInterval(t *testing.T) {
	var v []float64
	for i := range 25 {
		v = append(v, float64((i*7)%25+1)) // 1 to 25, out of order
	}
	if got := medianInterval(v); got != (interval{13, 8, 18}) {
		t.Errorf("%+v", got)
	}
	if v[0] != 1 || v[1] != 8 {
		t.Error("the values are sorted in place")
	}
	if got := medianInterval([]float64{1, 2, 4, 3}); got.median != 2.5 || !math.IsInf(got.low, -1) || !math.IsInf(got.high, 1) || got.worse() {
		t.Errorf("of too few: %+v", got)
	}
}

func TestWorse(t *testing.T) {
	for _, c := range []struct {
		of   interval
		want bool
	}{
		{interval{1.1, 1.06, 1.2}, true},
		{interval{1.1, 1.04, 1.2}, false}, // it may be within the tolerance
		{interval{1.04, 1.02, 1.06}, false},
		{interval{0.8, 0.7, 0.9}, false},
	} {
		if got := c.of.worse(); got != c.want {
			t.Errorf("%+v: %v", c.of, got)
		}
	}
}

// TestIntervalHoldsTheMedian checks that the true median is inside at least 95 times out of 100, whatever the noise is
// like. Here the noise is lopsided and has outliers.
func TestIntervalHoldsTheMedian(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const rounds = 2000
	inside := 0
	for range rounds {
		var v []float64
		for range 25 {
			x := math.Exp(rng.NormFloat64() * 0.2) // the median of x is 1
			if x > 1 && rng.IntN(4) == 0 {
				x *= 10
			}
			v = append(v, x)
		}
		if i := medianInterval(v); i.low <= 1 && 1 <= i.high {
			inside++
		}
	}
	if share := float64(inside) / rounds; share < 0.945 || share > 0.99 {
		t.Errorf("the median is inside in %.3f of all cases", share)
	}
}
