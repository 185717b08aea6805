package fault

import (
	"testing"
	"testing/synctest"
	"time"
)

// refuseSelect makes a rule refuse SELECT.
func refuseSelect(r Rule) Rule {
	r.Match, r.Fault = Match{Command: []string{"SELECT"}}, &Reply{Texts: Texts{"imap": "NO not now"}}
	return r
}

// asks sends a command, which the rules answer or the server answers OK.
func asks(c *Conn, command string) (refused bool) {
	c.Event.Command = command
	if c.Command().Reply != "" {
		return true
	}
	if c.Awaits() {
		c.Answered()
	}
	return false
}

func TestUntilACommandIsAnswered(t *testing.T) {
	t.Parallel()
	p := plan(refuseSelect(Rule{Until: Moment{Command: []string{"ID"}}}))
	c, other := p.Conn(143, "imap", localhost), p.Conn(143, "imap", localhost)
	for range 2 {
		if !asks(c, "SELECT") {
			t.Error("SELECT works before ID")
		}
	}
	asks(c, "id")
	if asks(c, "SELECT") {
		t.Error("SELECT is refused after ID")
	}
	c.Phase(true)
	if asks(c, "SELECT") {
		t.Error("SELECT is refused again inside TLS: the connection is the same")
	}
	if !asks(other, "SELECT") {
		t.Error("ID counts on another connection")
	}
}

// TestRefusedCommandDoesNotCount checks that only an answer of OK ends a rule.
func TestRefusedCommandDoesNotCount(t *testing.T) {
	t.Parallel()
	c := plan(
		refuseSelect(Rule{Until: Moment{Command: []string{"ID"}}}),
		Rule{Match: Match{Command: []string{"ID"}}, Times: 1, Fault: &Reply{Texts: Texts{"imap": "BAD what?"}}},
	).Conn(143, "imap", localhost)
	if asks(c, "ID"); !asks(c, "SELECT") {
		t.Error("a refused ID counts")
	}
	if asks(c, "ID"); asks(c, "SELECT") {
		t.Error("the second ID, which is answered OK, doesn't count")
	}
}

func TestAfterACommandPerUser(t *testing.T) {
	t.Parallel()
	p := plan(refuseSelect(Rule{Per: PerUser, After: Moment{Command: []string{"LOGOUT"}}}))
	first, second, bobs := p.Conn(143, "imap", localhost), p.Conn(143, "imap", localhost), p.Conn(143, "imap", localhost)
	first.User, second.User, bobs.User = "alice@example.test", "alice@example.test", "bob@example.test"
	if asks(first, "SELECT") {
		t.Error("SELECT is refused before any LOGOUT")
	}
	if asks(first, "LOGOUT"); !asks(second, "SELECT") {
		t.Error("the user's LOGOUT doesn't count on another connection")
	}
	if asks(bobs, "SELECT") {
		t.Error("one user's LOGOUT counts for another")
	}
}

func TestTimeOfTheConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := plan(refuseSelect(Rule{After: Moment{Time: 10 * time.Second}, Until: Moment{Time: 20 * time.Second}}))
		c := p.Conn(143, "imap", localhost)
		time.Sleep(5 * time.Second)
		later := p.Conn(143, "imap", localhost)
		for i, step := range []struct {
			wait          time.Duration
			first, second bool
		}{{4999 * time.Millisecond, false, false}, {time.Millisecond, true, false}, {5 * time.Second, true, true}, {5 * time.Second, false, true}, {5 * time.Second, false, false}} {
			time.Sleep(step.wait)
			if got := asks(c, "SELECT"); got != step.first {
				t.Errorf("step %d: refused on the first connection: %v", i, got)
			}
			if got := asks(later, "SELECT"); got != step.second {
				t.Errorf("step %d: refused on the second connection: %v", i, got)
			}
		}
	})
}

// TestTimeOfAUser checks that with per the time begins when the rule first meets the user.
func TestTimeOfAUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := plan(refuseSelect(Rule{Per: PerUser, After: Moment{Time: time.Minute}}))
		c := p.Conn(143, "imap", localhost)
		c.User = "alice@example.test"
		time.Sleep(time.Hour)
		if asks(c, "SELECT") {
			t.Error("refused at the first time")
		}
		time.Sleep(time.Minute)
		again := p.Conn(143, "imap", localhost)
		again.User = c.User
		if !asks(again, "SELECT") {
			t.Error("not refused a minute later, on another connection")
		}
	})
}

// TestMomentsOfStandingKinds checks kinds that are asked again and again: they follow the moment too.
func TestMomentsOfStandingKinds(t *testing.T) {
	t.Parallel()
	c := plan(Rule{Until: Moment{Command: []string{"NOOP"}}, Fault: &Hide{"IDLE"}}).Conn(143, "imap", localhost)
	if fate, _ := c.Capability("IDLE"); fate != CapabilityHidden {
		t.Error("IDLE is there before NOOP")
	}
	asks(c, "NOOP")
	if fate, _ := c.Capability("IDLE"); fate != CapabilityShown {
		t.Error("IDLE is hidden after NOOP")
	}
}
