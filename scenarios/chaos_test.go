package scenarios

import "testing"

func TestChaos(t *testing.T) {
	t.Parallel()
	s, err := Chaos("2.5%")
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Rules {
		if s.Rules[i].Chance != 2.5 {
			t.Errorf("rule %d has a chance of %v", i, s.Rules[i].Chance)
		}
	}
	for _, wrong := range []string{"", "5", "0%", "many"} {
		if _, err := Chaos(wrong); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}
