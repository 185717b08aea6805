package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/transcript"
)

// TestCertificateFindings checks what each client does about the right certificate and about wrong ones, with the rig's
// CA trusted, not trusted, and with checks switched off.
func TestCertificateFindings(t *testing.T) {
	t.Parallel()
	bad := []string{"cert-expired", "cert-wrong-host", "cert-self-signed"}
	for _, p := range programs {
		protocol := p.speaks[len(p.speaks)-1]
		if p.name == "curl" || p.name == "openssl" || p.name == "python" || p.name == "go" || p.name == "node" {
			protocol = "imap"
		}
		for _, mode := range []string{"tls", "starttls"} {
			w := map[string]way{"smtp-tls": {465, "tls"}, "smtp-starttls": {587, "starttls"}, "imap-tls": {993, "tls"}, "imap-starttls": {143, "starttls"},
				"pop3-tls": {995, "tls"}, "pop3-starttls": {110, "starttls"}}[protocol+"-"+mode]
			for _, trust := range []string{"ca", "none", "insecure"} {
				s := setting{w, protocol, trust}
				if !p.can(s) || !p.chosen() {
					continue
				}
				scenarios := append([]string{""}, bad...)
				if trust == "none" {
					scenarios = scenarios[:1]
				}
				for _, name := range scenarios {
					t.Run(strings.Join([]string{p.name, mode, trust, name}, "/"), func(t *testing.T) {
						t.Parallel()
						need(t, p.needs...)
						var args []string
						if name != "" {
							args = []string{"--scenario", name}
						}
						r := start(t, args...)
						p.run(t, r, s)
						list := r.ended(t)
						c := diagnose.NewCase(transcript.Records(list), time.Now())
						c.Over = true
						found := c.Findings(true)
						certificateFinding(t, name, trust, list, found)
					})
				}
			}
		}
	}
}

func certificateFinding(t *testing.T, scenario, trust string, list []*transcript.Session, found []diagnose.Finding) {
	t.Helper()
	want := ""
	switch {
	case scenario == "" && trust == "none":
		want = "certificate-not-trusted"
	case scenario == "cert-wrong-host" && strings.Contains(t.Name(), "/swaks/") && trust == "ca":
		want = "continued-after-bad-certificate" // its --tls-verify doesn't compare names (version 20201014)
	case scenario != "" && trust == "ca":
		want = "bad-certificate-refused"
	case scenario != "" && trust == "insecure":
		want = "continued-after-bad-certificate"
	}
	var main *diagnose.Finding
	for i, f := range found {
		switch {
		case f.ID == want:
			main = &found[i]
		case f.Severity == diagnose.Error:
			t.Errorf("want %q and no error beside it:\n%s", want, show(found))
		}
	}
	if want == "" {
		return
	}
	if main == nil {
		t.Fatalf("want %s:\n%s", want, show(found))
	}
	alert := 0
	for _, s := range list {
		if s.TLS != nil {
			alert = s.TLS.Alert
		}
	}
	t.Logf("%s, alert %d: %s %s", main.ID, alert, main.Title, main.Explanation)
	if want == "certificate-not-trusted" && !strings.Contains(main.Advice, "trust the rig's CA") {
		t.Errorf("the advice is %q", main.Advice)
	}
	if main.Guess != (alert == 0 && want == "certificate-not-trusted") {
		t.Errorf("guess %v with alert %d", main.Guess, alert)
	}
	if want != "continued-after-bad-certificate" && alert != 0 && !slices.Contains([]int{42, 43, 44, 45, 46, 48}, alert) {
		t.Errorf("alert %d, and %s", alert, main.ID)
	}
}
