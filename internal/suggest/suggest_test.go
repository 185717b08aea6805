package suggest_test

import (
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/suggest"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"greylisting", "cert-expired", "cert-revoked", "pop3-locked", "from", "to", "XOAUTH2"}
	for word, want := range map[string]string{
		"greylistign":  "greylisting",  // two neighbours swapped
		"GREYLISTING":  "greylisting",  // case
		"greylistXYZ":  "greylisting",  // a third of the letters is wrong
		"greyliWXYZV":  "",             // more than a third
		"cert-exp":     "cert-expired", // the beginning of one word
		"cert-":        "",             // and of two
		"fro":          "from",
		"form":         "from",
		"xy":           "",
		"t":            "to",
		"xoauth":       "XOAUTH2",
		"":             "",
		"entirely-new": "",
	} {
		if got := suggest.Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
	if got := suggest.Nearest(strings.Repeat("greylisting", 1000), known); got != "" {
		t.Errorf("a word of 11,000 letters is like %q", got)
	}
}
