package design

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"testing"
)

// luminance is WCAG 2's relative luminance of a colour such as #16191f.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func TestContrast(t *testing.T) {
	t.Parallel()
	colours := [2]map[string]string{{}, {}}
	for _, m := range regexp.MustCompile(`--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)`).FindAllStringSubmatch(Tokens, -1) {
		colours[0][m[1]], colours[1][m[1]] = m[2], m[3]
	}
	check := func(theme int, front, back string, least float64) {
		t.Helper()
		f, b := colours[theme][front], colours[theme][back]
		if f == "" || b == "" {
			t.Fatalf("no colour %s or %s", front, back)
		}
		x, y := luminance(t, f), luminance(t, b)
		if got := (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05); got < least {
			t.Errorf("%s on %s, %s: %.2f, want %.1f at least", front, back, fmt.Sprint([]string{"light", "dark"}[theme]), got, least)
		}
	}
	for theme := range colours {
		for _, front := range []string{"text", "muted", "accent", "error", "warning", "good", "injected"} {
			for _, back := range []string{"bg", "panel", "raised", "selected"} {
				check(theme, front, back, 4.5)
			}
		}
		for _, front := range []string{"error", "warning", "good", "injected"} {
			check(theme, front, front+"-tint", 4.5)
			check(theme, "text", front+"-tint", 4.5)
			check(theme, "muted", front+"-tint", 4.5)
		}
		check(theme, "control", "bg", 3)
		check(theme, "control", "panel", 3)
	}
}
