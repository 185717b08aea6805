package imap

import (
	"testing"

	"github.com/mailrig/mailrig/internal/protocol"
)

func TestParse(t *testing.T) {
	t.Parallel()
	if got, err := Parse("no [ALERT] Too many (Failure)"); err != nil || got != (Reply{"NO", "ALERT", "Too many (Failure)"}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, in := range []string{"", "535 x", "NO [ALERT x", "OK a\r\nb"} {
		if _, err := Parse(in); err == nil {
			t.Errorf("Parse(%q) is accepted", in)
		}
	}
}

func TestEveryRefusalRefuses(t *testing.T) {
	t.Parallel()
	for _, reason := range append(protocol.LoginReasons(), protocol.TooOften) {
		if r, err := Parse(Protocol.Refusals[reason]); err != nil || r.Type != "NO" {
			t.Errorf("%s: %+v, %v", reason, r, err)
		}
	}
}
