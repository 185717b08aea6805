package pop3

import (
	"testing"

	"github.com/mailrig/mailrig/internal/protocol"
)

func TestParse(t *testing.T) {
	t.Parallel()
	if got, err := Parse("-ERR [SYS/TEMP] later"); err != nil || got != (Reply{false, "SYS/TEMP", "later"}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, in := range []string{"", "ERR x", "+OK a\nb"} {
		if _, err := Parse(in); err == nil {
			t.Errorf("Parse(%q) is accepted", in)
		}
	}
}

func TestEveryRefusalRefuses(t *testing.T) {
	t.Parallel()
	for _, reason := range append(protocol.LoginReasons(), protocol.TooOften) {
		if r, err := Parse(Protocol.Refusals[reason]); err != nil || r.OK {
			t.Errorf("%s: %+v, %v", reason, r, err)
		}
	}
}
