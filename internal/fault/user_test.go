package fault

import (
	"context"
	"strings"
	"testing"
)

// TestUserWhoComesBack checks that a user counts once on a connection, whoever comes between.
func TestUserWhoComesBack(t *testing.T) {
	t.Parallel()
	refuse := func(command string, m Match) *Plan {
		m.Command = []string{command}
		return plan(Rule{Match: m, Fault: &Reply{Texts: Texts{"smtp": "451 not now"}}})
	}
	own, next := refuse("RCPT", Match{Connection: []int{1}}), refuse("MAIL", Match{})
	taken := 0
	c := plan().Shared(587, "smtp", localhost, Users{
		Plan: func(_ context.Context, user string) *Plan {
			if strings.EqualFold(user, "alice@example.test") {
				return own
			}
			return nil
		},
		Next: func(_ context.Context, user string) *Plan {
			if !strings.EqualFold(user, "alice@example.test") {
				return nil
			}
			taken++
			return next
		},
	})
	for _, again := range []func(){
		func() { c.Claims("alice@example.test") },
		func() { c.Claims("Alice@example.test") },
		func() { c.Phase(true); c.Claims("alice@example.test") },
		func() { c.Claims("bob@example.test"); c.Claims("alice@example.test") },
	} {
		again()
		if !asks(c, "MAIL") || !asks(c, "RCPT") {
			t.Error("not all of what alice brings acts")
		}
	}
	if taken != 1 {
		t.Errorf("%d of the next connections were taken, want 1", taken)
	}
	if c.Claims("bob@example.test"); asks(c, "MAIL") || asks(c, "RCPT") {
		t.Error("bob has what alice brought")
	}
}
