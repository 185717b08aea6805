package door

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	t.Parallel()
	want := []int{25, 2525, 587, 465, 110, 995, 143, 993}
	for i, d := range All() {
		if d.Port != want[i] {
			t.Errorf("row %d is port %d, want %d", i, d.Port, want[i])
		}
	}
}

func TestParseOffset(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "auto", "auto": "auto", " Auto ": "auto", "0": "0", "3000": "3000", "63010": "63010", "random": "random",
	} {
		o, err := ParseOffset(in)
		if err != nil || o.String() != want {
			t.Errorf("ParseOffset(%q) = %v, %v; want %s", in, o, err, want)
		}
	}
	for in, part := range map[string]string{
		"-1": "out of range", "63011": "out of range", "many": "is not a number", "99999999999999999999": "is not a number", "1.5": "is not a number",
	} {
		if _, err := ParseOffset(in); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("ParseOffset(%q): %v; want an error with %q", in, err, part)
		}
	}
}
