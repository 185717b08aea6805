package diagnose

import (
	"os/exec"
	"strings"
	"testing"
)

// TestNoSentences checks that diagnose can reach neither the sentences that package transcript makes from events, nor
// scenarios.
func TestNoSentences(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for pkg := range strings.FieldsSeq(string(out)) {
		for _, far := range []string{"internal/transcript", "internal/fault", "internal/gate", "mailrig/scenarios"} {
			if strings.HasSuffix(pkg, far) {
				t.Errorf("diagnose depends on %s", pkg)
			}
		}
	}
}
