package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// msmtprc returns msmtp's configuration for a way.
func (r *rig) msmtprc(w way, auth string) string {
	on := map[bool]string{true: "on", false: "off"}
	return fmt.Sprintf(`defaults
host localhost
port %s
from bob@example.test
domain client.example.test
timeout 20
tls %s
tls_starttls %s
tls_trust_file %s
auth %s
user %s
password %s
account default
`, r.port(w.door), on[w.mode != "clear"], on[w.mode == "starttls"], r.CAFile, auth, r.User, r.Password)
}

func (r *rig) msmtp(w way, auth, to string, message []byte, more ...string) result {
	r.t.Helper()
	home := r.t.TempDir()
	write(r.t, home, ".msmtprc", []byte(r.msmtprc(w, auth)))
	return r.runIn(invocation{program: "msmtp", home: home, args: append(more, to), stdin: message})
}

func TestMsmtp(t *testing.T) {
	t.Parallel()
	need(t, "msmtp")
	r := start(t)
	r.blameless(t)
	for i, w := range sendWays {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			r := r.in(t)
			mechanisms := []string{"plain", "login", "on"}
			if !w.login() {
				mechanisms = []string{"off"}
			}
			for _, mech := range mechanisms {
				to := fmt.Sprintf("msmtp-%d-%s@example.test", i, mech)
				body := simple("bob@example.test", to, "by msmtp")
				r.msmtp(w, mech, to, []byte(strings.ReplaceAll(string(body), "\r\n", "\n"))).want(0).silent()
				same(t, r.newest(to), body)
			}
			r.msmtp(w, "off", "", nil, "--serverinfo").want(0).says("SIZE", "PIPELINING")
		})
	}
}
