package main

import (
	"math"
	"slices"
)

// interval is a median, and the bounds between which it lies with a confidence of at least 95 %.
type interval struct{ median, low, high float64 }

// fewestPairs is the least that a 95 % interval needs. The probability that six values all lie on the same side of
// their median is 1 in 32.
const fewestPairs = 6

// medianInterval returns the interval of the sign test. It runs from the k-th smallest value to the k-th largest, with
// the greatest k that the binomial distribution allows. It assumes only that the values are independent: benchmarks on
// shared machines have outliers and follow no known distribution. With fewer than fewestPairs values it has no bounds.
func medianInterval(values []float64) interval {
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	if n == 0 {
		return interval{math.NaN(), math.Inf(-1), math.Inf(1)}
	}
	i := interval{median: (v[(n-1)/2] + v[n/2]) / 2, low: math.Inf(-1), high: math.Inf(1)}
	if k := signTestRank(n); k > 0 {
		i.low, i.high = v[k-1], v[n-k]
	}
	return i
}

// signTestRank returns the greatest k for which fewer than k of n fair coins show heads in at most 2.5 % of all cases,
// or 0 if there is none.
func signTestRank(n int) (k int) {
	p := math.Pow(0.5, float64(n)) // of k heads
	for sum := p; sum <= 0.025; sum += p {
		k++
		p *= float64(n-k+1) / float64(k)
	}
	return k
}

// tolerance is how much more something may cost.
const tolerance = 0.05

// worse reports whether a cost has certainly grown beyond the tolerance: the whole interval of its ratios, new to old,
// lies beyond it.
func (i interval) worse() bool { return i.low > 1+tolerance }

func median(v []float64) float64 { return medianInterval(v).median }
