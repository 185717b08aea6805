package smtp

import (
	"testing"

	"github.com/mailrig/mailrig/internal/protocol"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Reply{
		"451 4.7.1 Greylisted":           {451, [3]int{4, 7, 1}, "Greylisted"},
		"220 ready":                      {220, [3]int{}, "ready"},
		"534-5.7.9 one\n534 5.7.9 two":   {534, [3]int{5, 7, 9}, "one\ntwo"},
		"550 no\nanother line":           {550, [3]int{}, "no\nanother line"},
		"250":                            {250, [3]int{}, ""},
		"550 1.2.3 not an enhanced code": {550, [3]int{}, "1.2.3 not an enhanced code"},
	} {
		if got, err := Parse(in); err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "hello", "99 x", "600 x", "5501 x", "550 a\n551 b"} {
		if got, err := Parse(in); err == nil {
			t.Errorf("Parse(%q) = %+v, want an error", in, got)
		}
	}
}

func TestEveryRefusalRefuses(t *testing.T) {
	t.Parallel()
	for _, reason := range append(protocol.LoginReasons(), protocol.TooOften) {
		if r, err := Parse(Protocol.Refusals[reason]); err != nil || r.Code < 400 {
			t.Errorf("%s: %+v, %v", reason, r, err)
		}
	}
}
