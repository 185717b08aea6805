package scenarios

import (
	"strings"

	"github.com/mailrig/mailrig/internal/suggest"
)

// didYouMean returns the end of a message about an unknown word: the known word that is most like it, or all of them.
func didYouMean(word string, known []string) string {
	if near := suggest.Nearest(word, known); near != "" {
		return "did you mean " + near + "?"
	}
	return "use one of " + join(known, "and")
}

// join formats a list in English: a, b and c.
func join(list []string, and string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " " + and + " " + list[len(list)-1]
}
