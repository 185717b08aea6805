package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// issued matches what the issuer gives out: codes, tokens of both kinds, device codes, and the secrets of registered clients.
var issued = regexp.MustCompile(`mailrig-(at|rt|ac|dc|cs)-`)

// TestTrialWithTokens lets curl sign in and log in with the token under the scenarios of the issuer. A trial sees what a client does there, and
// none of its reports has a token.
func TestTrialWithTokens(t *testing.T) {
	t.Parallel()
	need(t, "sh", "curl")
	dir := t.TempDir()
	helper, err := filepath.Abs("testdata/probes/oauth.sh")
	if err != nil {
		t.Fatal(err)
	}
	job := `cd "$(mktemp -d)" && . ` + helper + ` && { sign_in; login; } >output 2>&1`
	args := []string{"trial", "--auth", "tokens", "--scenario", "oauth-issuer-*,oauth-wrong-scope,oauth-rotation-strict"}
	var reports []string
	for _, end := range []string{"json", "html", "xml"} {
		reports = append(reports, filepath.Join(dir, "report."+end))
		args = append(args, "--report", reports[len(reports)-1])
	}
	res := execute(t, invocation{program: binary, args: append(args, "--", "sh", "-c", job), limit: 4 * patience}).want(0)
	text := res.out + res.err
	for _, file := range reports {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text += string(b)
	}
	if at := issued.FindStringIndex(text); at != nil {
		t.Errorf("a secret of the issuer's is in a report: …%s", text[max(0, at[0]-300):at[0]])
	}
	b, err := os.ReadFile(reports[0])
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Results []struct{ Scenario, Verdict string }
	}
	if err := json.Unmarshal(b, &report); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"oauth-issuer-down": "pass", "oauth-issuer-slow": "pass", "oauth-wrong-scope": "pass",
		"oauth-rotation-strict": "pass", // its token lasts 20 s, and it needs no other
	}
	for _, got := range report.Results {
		if got.Verdict != want[got.Scenario] {
			t.Errorf("%s: %q, want %q", got.Scenario, got.Verdict, want[got.Scenario])
		}
	}
	if len(report.Results) != len(want) {
		t.Errorf("%d scenarios were tried, want %d", len(report.Results), len(want))
	}
}
