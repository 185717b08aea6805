package e2e

import (
	"fmt"
	"path/filepath"
	"testing"
)

// TestFetchmail moves mail from each reading door to SMTP door 25 of the same rig, for another user. This is
// fetchmail's classic job.
func TestFetchmail(t *testing.T) {
	t.Parallel()
	need(t, "fetchmail")
	r := start(t)
	r.blameless(t)
	for _, w := range append(imapWays[:len(imapWays):len(imapWays)], popWays...) {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			r := r.in(t)
			from, to := "far-"+w.String()+"@example.test", "near-"+w.String()+"@example.test"
			for i := range 3 {
				goSends(t, r, way{465, "tls"}, from, simple("bob@example.test", from, fmt.Sprint("message ", i)))
			}
			home := t.TempDir()
			write(t, home, ".fetchmailrc", []byte(r.fetchmailrc(w, from, to)))
			fetch := func() result {
				return r.runIn(invocation{program: "fetchmail", home: home, args: []string{"--nodetach", "--nosyslog"}})
			}
			res := fetch().want(0)
			got := r.messages(to)
			if len(got) != 3 {
				t.Fatalf("%d of 3 messages arrived\n%s\n%s", len(got), res.out, res.err)
			}
			if left := r.messages(from); len(left) != 0 {
				t.Errorf("%d messages stayed though fetchmail deletes what it fetched", len(left))
			}
			fetch().want(1) // its status for "no mail"
		})
	}
}

func (r *rig) fetchmailrc(w way, from, to string) string {
	protocol := r.door(w.door).Protocol
	// For clear text, fetchmail must be told not to try STLS by itself.
	security := map[string]string{
		"clear":    `sslproto ""`,
		"starttls": fmt.Sprintf("sslproto \"auto\" sslcertck sslcertfile %q", r.CAFile),
		"tls":      fmt.Sprintf("ssl sslcertck sslcertfile %q", r.CAFile),
	}[w.mode]
	return fmt.Sprintf(`set no bouncemail
set pidfile %q
poll localhost protocol %s port %s timeout 20 auth password:
  user %q password "secret" %s
  smtphost "localhost/%s" smtpname %q fetchall
`, filepath.Join(r.t.TempDir(), "fetchmail.pid"), protocol, r.port(w.door), from, security, r.port(25), to)
}
