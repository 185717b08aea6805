package fault

import (
	"fmt"
	"math"
	"testing"
)

// answers returns which of n RCPTs are answered, as a string of 0 and 1.
func answers(p *Plan, n int) (s string) {
	c := p.Conn(25, "smtp", localhost)
	for range n {
		s += fmt.Sprint(refused(c, 1))
	}
	return s
}

func chancePlan(seed uint64, rules ...Rule) *Plan {
	return Compile([]string{"test"}, rules, WithSeed(seed))
}

func TestChanceIsWhatItSays(t *testing.T) {
	t.Parallel()
	for _, chance := range []Chance{0.5, 10, 50, 99, 100} {
		p := chancePlan(1, Rule{Match: rcpt, Chance: chance, Fault: &Reply{Texts: Texts{"smtp": "451 x"}}})
		const n = 20000
		got := 100 * float64(refused(p.Conn(25, "smtp", localhost), n)) / n
		if math.Abs(got-float64(chance)) > 1.5 {
			t.Errorf("%v acts in %.1f%% of cases", chance, got)
		}
	}
}

// TestSeedRepeats checks that the same seed gives the same outcomes, and that seeds, rules and scenarios differ.
func TestSeedRepeats(t *testing.T) {
	t.Parallel()
	rule := Rule{Scenario: "a", Match: rcpt, Chance: 50, Fault: &Reply{Texts: Texts{"smtp": "451 x"}}}
	other := rule
	other.Scenario = "b"
	first := answers(chancePlan(7, rule), 64)
	if again := answers(chancePlan(7, rule), 64); again != first {
		t.Errorf("the same seed gives %s and %s", first, again)
	}
	if answers(chancePlan(8, rule), 64) == first || answers(chancePlan(7, other), 64) == first {
		t.Error("another seed or scenario gives the same")
	}
	// Connections share the dice, whatever counts for each of them: two of them don't meet the same.
	for _, rule.Per = range []Per{PerScenario, PerConnection} {
		p := chancePlan(7, rule)
		if answers(p, 32)+answers(p, 32) != first {
			t.Errorf("per %q: each connection has dice of its own", rule.Per)
		}
	}
}

func TestChanceComesBeforeCounters(t *testing.T) {
	t.Parallel()
	p := chancePlan(3, Rule{Match: rcpt, Chance: 20, Times: 5, Fault: &Reply{Texts: Texts{"smtp": "451 x"}}})
	if n := refused(p.Conn(25, "smtp", localhost), 1000); n != 5 {
		t.Errorf("acts %d times, want 5", n)
	}
}

// TestChanceOfStandingKinds checks that a server which has or lacks something doesn't change its mind on a connection.
func TestChanceOfStandingKinds(t *testing.T) {
	t.Parallel()
	p := chancePlan(3, Rule{Chance: 50, Fault: &Hide{"SIZE"}})
	hidden := 0
	for range 200 {
		c := p.Conn(25, "smtp", localhost)
		fate, _ := c.Capability("SIZE")
		for range 5 {
			if again, _ := c.Capability("SIZE"); again != fate {
				t.Fatal("SIZE comes and goes on one connection")
			}
		}
		if fate == CapabilityHidden {
			hidden++
		}
	}
	if hidden < 60 || hidden > 140 {
		t.Errorf("SIZE is hidden on %d of 200 connections", hidden)
	}
}

func TestPercentages(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"10%", "0.5%", "100%"} {
		var p Chance
		if err := p.UnmarshalText([]byte(s)); err != nil || p.String() != s {
			t.Errorf("%s: %v, %v", s, p, err)
		}
	}
	for _, s := range []string{"", "%", "10", "0%", "-1%", "101%", "NaN%", "0x1p3 %"} {
		if err := new(Chance).UnmarshalText([]byte(s)); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
}
