package trial

import (
	"slices"
	"testing"

	"github.com/mailrig/mailrig/internal/diagnose"
)

// TestCauses checks that failures are grouped by what they are about, with the most harm first.
func TestCauses(t *testing.T) {
	t.Parallel()
	of := func(name string, v Verdict, reasons ...Reason) Result {
		return Result{Scenario: name, Group: name[:1], Verdict: v, Reasons: reasons}
	}
	trust := Reason{Text: "must not trust", Finding: &diagnose.Finding{Severity: diagnose.Error, Advice: "Look at the certificate."}}
	late := func(s string) Reason {
		return Reason{Text: "should finish within " + s, General: "should finish in time"}
	}
	r := &Report{Results: []Result{
		of("a1", Fail, late("1s")), of("a2", Fail, late("2s")), of("a3", Pass),
		of("b1", Fail, late("3s"), trust), of("b2", NotExercised, Reason{Text: "no door"}),
		of("b3", CouldNotRun, Reason{Text: "no rig"}), of("c1", NotExercised, Reason{Text: "no door"}),
		of("c2", Fail, Reason{Text: "should report the failure", Kind: Untrue}),
	}}
	var got []string
	for _, c := range r.Causes() {
		line := c.Text + "|" + c.Advice
		for _, x := range c.Results {
			line += " " + x.Scenario
		}
		got = append(got, line)
	}
	want := []string{"must not trust|Look at the certificate. b1", "should report the failure| c2", "should finish in time| a1 a2", "no rig| b3"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if u := r.Unexercised(); len(u) != 1 || len(u[0].Results) != 2 {
		t.Errorf("unexercised: %+v", u)
	}
	scores := []Score{{"a", 1, 2, 0}, {"b", 0, 2, 1}, {"c", 0, 1, 1}}
	if got := r.Scores(); !slices.Equal(got, scores) {
		t.Errorf("got %+v", got)
	}
}
