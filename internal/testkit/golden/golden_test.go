package golden_test

import (
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/testkit/golden"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 10_000)
	for _, tc := range []struct{ got, want, diff string }{
		{"a\nb\n", "a\nb\n", ""},
		{"1\n2\n3\n4\nnew\n6\n", "1\n2\n3\n4\nold\n6\n", "first difference in line 5:\n     2\n     3\n     4\ngot  new\ngot  6\nwant old\nwant 6\n"},
		{"a\n", "a\nb\n", "first difference in line 2:\n     a\ngot  (the end)\nwant b\n"},
		{"a", "a\n", "first difference in line 1:\ngot  a (no line end)\nwant a\n"},
	} {
		if diff := golden.Diff(tc.got, tc.want); diff != tc.diff {
			t.Errorf("Diff(%q, %q) is\n%s\nwant\n%s", tc.got, tc.want, diff, tc.diff)
		}
	}
	if diff := golden.Diff(strings.Repeat(long+"\n", 60), ""); len(diff) > 3000 {
		t.Errorf("a difference of %d bytes", len(diff))
	}
}
