package e2e

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/scenarios"
)

// trialReport is what these tests read from the JSON.
type trialReport struct {
	Took    time.Duration `json:"took"`
	Control struct {
		Problem  string   `json:"problem"`
		Warnings []string `json:"warnings"`
	} `json:"control"`
	Results []struct {
		Scenario string `json:"scenario"`
		Verdict  string `json:"verdict"`
		Reasons  []struct {
			Text    string `json:"text"`
			Finding *struct {
				ID string `json:"id"`
			} `json:"finding"`
			Sessions []string `json:"sessions"`
		} `json:"reasons"`
		Sessions []json.RawMessage `json:"sessions"`
	} `json:"results"`
}

// verdict returns a scenario's verdict, with the ids of the findings behind it.
func (r *trialReport) verdict(name string) (verdict, why string) {
	for _, x := range r.Results {
		if x.Scenario == name {
			for _, reason := range x.Reasons {
				if reason.Finding != nil {
					why += " " + reason.Finding.ID
				}
			}
			return x.Verdict, why
		}
	}
	return "", ""
}

// sendAndFetch is a client made with curl. It sends through door 587 with STARTTLS and fetches through door 993. $HOW
// holds curl's options.
const sendAndFetch = `
curl -sS --max-time 8 $HOW smtp://$MAILRIG_HOST:$MAILRIG_PORT_587/client.example.test -u "$MAILRIG_USER:$MAILRIG_PASSWORD" \
	--mail-from "$MAILRIG_USER" --mail-rcpt bob@example.test -T message.eml || exit 1
curl -sS --max-time 8 $HOW "imaps://$MAILRIG_HOST:$MAILRIG_PORT_993/INBOX;UID=1" -u "$MAILRIG_USER:$MAILRIG_PASSWORD" >/dev/null || exit 2
`

func trialOf(t *testing.T, how string, args ...string) (*trialReport, string, int) {
	t.Helper()
	need(t, "curl", "sh")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"client.sh": sendAndFetch, "message.eml": string(simple("alice@example.test", "bob@example.test", "trial")),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args = append(append([]string{"trial", "--report", "r.json,r.xml,r.html"}, args...), "--", "sh", "client.sh")
	cmd := exec.Command(binary, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOW="+how)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState.ExitCode() != 1 {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "r.json"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var r trialReport
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	data, err = os.ReadFile(filepath.Join(dir, "r.xml"))
	if err == nil {
		err = xml.Unmarshal(data, new(struct{}))
	}
	if err != nil {
		t.Errorf("the XML: %v", err)
	}
	if page, err := os.ReadFile(filepath.Join(dir, "r.html")); err != nil || !strings.Contains(string(page), "C: EHLO client.example.test") {
		t.Errorf("the page has no dialogue (%v)", err)
	}
	return &r, string(out), cmd.ProcessState.ExitCode()
}

// TestTrialOfCurl judges curl with careful options and with careless ones.
func TestTrialOfCurl(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		how    string
		status int
		want   map[string]string // scenario: verdict and findings
	}{
		"careful": {"--ssl-reqd", 0, map[string]string{
			"cert-expired": "pass", "cert-wrong-host": "pass", "starttls-stripped": "pass",
			"pop3-locked": "not-exercised",
		}},
		"no check of certificates": {"--ssl-reqd -k", 1, map[string]string{
			"cert-expired": "fail continued-after-bad-certificate", "cert-wrong-host": "fail continued-after-bad-certificate", "starttls-stripped": "pass",
		}},
		"TLS if there is any": {"--ssl", 1, map[string]string{
			"cert-expired": "pass", "starttls-stripped": "fail",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var names []string
			for n := range test.want {
				names = append(names, n)
			}
			r, out, status := trialOf(t, test.how, "--scenario", strings.Join(names, ","))
			if status != test.status {
				t.Errorf("status %d, want %d\n%s", status, test.status, out)
			}
			for n, want := range test.want {
				verdict, why := r.verdict(n)
				if got := verdict + why; !strings.HasPrefix(got, want) {
					t.Errorf("%s: %s, want %s\n%s", n, got, want, out)
				}
			}
		})
	}
}

// TestTrialOfTheCatalogue runs a fast client through the whole catalogue.
func TestTrialOfTheCatalogue(t *testing.T) {
	t.Parallel()
	long(t)
	r, out, _ := trialOf(t, "--ssl-reqd")
	if len(r.Results) != len(scenarios.All()) || r.Control.Problem != "" {
		t.Fatalf("%d results, want %d (%s)\n%s", len(r.Results), len(scenarios.All()), r.Control.Problem, out)
	}
	count := map[string]int{}
	for _, x := range r.Results {
		count[x.Verdict]++
		if x.Verdict != "pass" && len(x.Reasons) == 0 {
			t.Errorf("%s: %s without a reason", x.Scenario, x.Verdict)
		}
		if x.Verdict == "pass" && len(x.Sessions) == 0 && x.Scenario != "server-down" { // which refuses every connection
			t.Errorf("%s: passed without a session", x.Scenario)
		}
		for _, reason := range x.Reasons {
			if f := reason.Finding; f != nil && (f.ID == "fell-back-to-clear" || f.ID == "password-sent-in-clear") {
				t.Errorf("%s: %s, and this client never speaks in clear", x.Scenario, f.ID)
			}
		}
	}
	t.Logf("%v in %v", count, r.Took)
	if count["could-not-run"] > 0 || count["pass"] < 100 {
		t.Errorf("%v\n%s", count, out)
	}
	// Alone on two cores this takes 32 s. Most of it is waiting for two scenarios that curl doesn't give up on.
	if r.Took > 3*time.Minute {
		t.Errorf("took %v", r.Took)
	}
}
