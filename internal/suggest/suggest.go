// Package suggest finds the word that a misspelt word was meant to be.
//
// Every "did you mean" in an error message comes from here, so that all of them measure a slip in the same way. Callers
// pass the names that are valid in their place: scenarios, YAML keys, certificate profiles, conditions, findings, flags,
// variables. Only sub-commands are left to cobra.
package suggest

import "strings"

// longest bounds the work. No known word is longer than this many bytes.
const longest = 64

// Nearest returns the known word that word most likely stands for, or "" if no known word is close. A third of the
// letters may be wrong, and at least one may. The beginning of a known word (five letters or more) counts as one
// mistake if only one known word begins so. Case doesn't matter.
func Nearest(word string, known []string) string {
	if len(word) > longest {
		return ""
	}
	lower := strings.ToLower(word)
	best, fewest := "", max(1, len(word)/3)+1
	for _, k := range known {
		if n := Slips(lower, strings.ToLower(k)); n < fewest {
			best, fewest = k, n
		}
	}
	if fewest > 1 {
		if whole := completion(lower, known); whole != "" {
			return whole
		}
	}
	return best
}

// completion returns the only known word that begins with start, or "".
func completion(start string, known []string) string {
	if len(start) < 5 {
		return ""
	}
	only := ""
	for _, k := range known {
		if !strings.HasPrefix(strings.ToLower(k), start) {
			continue
		}
		if only != "" && only != k {
			return ""
		}
		only = k
	}
	return only
}

// Slips counts the letters that are missing, added, wrong or swapped with their neighbour (Damerau-Levenshtein
// distance, optimal string alignment).
func Slips(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			wrong := 1
			if a[i-1] == b[j-1] {
				wrong = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+wrong)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
