package scenarios

import "strings"

// didYouMean ends a message about an unknown word: with the known word that is
// most like it, or with all of them.
func didYouMean(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return "did you mean " + near + "?"
	}
	return "use one of " + join(known, "and")
}

// nearest returns the known word at most two slips of the pen away, one for a
// short word; "" when all are unlike it.
func nearest(word string, known []string) string {
	limit := 2
	if len(word) <= 4 {
		limit = 1
	}
	best, fewest := "", limit+1
	for _, k := range known {
		if n := distance(strings.ToLower(word), strings.ToLower(k)); n < fewest {
			best, fewest = k, n
		}
	}
	return best
}

// distance counts the letters left out, added, mistaken or swapped with their
// neighbour (Damerau and Levenshtein, optimal string alignment).
func distance(a, b string) int {
	if abs(len(a)-len(b)) > 2 {
		return 3 // as good as infinite to nearest, and bounds the work
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

func abs(n int) int { return max(n, -n) }

// join writes a list as English does: a, b and c.
func join(list []string, and string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " " + and + " " + list[len(list)-1]
}
