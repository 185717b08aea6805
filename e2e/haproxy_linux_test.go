package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/diagnose"
)

// haproxyConf balances in TCP mode. It checks the server's health as it does by default (it connects and leaves), or as an
// SMTP client would. %[1]s is the word for the header, and what follows are ports of HAProxy and addresses of the rig.
const haproxyConf = `defaults
  mode tcp
  timeout connect 10s
  timeout client 1m
  timeout server 1m
frontend submission
  bind 127.0.0.1:%[2]d
  default_backend submission
backend submission
  option smtpchk EHLO haproxy.example
  server rig %[3]s %[1]s check inter 200ms
frontend imaps
  bind 127.0.0.1:%[4]d
  default_backend imaps
backend imaps
  server rig %[5]s %[1]s check inter 200ms
`

// TestBehindHAProxy checks that a rig behind Debian's HAProxy knows the clients' addresses, and blames nobody.
func TestBehindHAProxy(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	program := sbin(t, "haproxy")
	for _, word := range []string{"send-proxy-v2", "send-proxy"} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			r := start(t, "--proxy-protocol", "127.0.0.1")
			d := &debian{t: t, dir: t.TempDir()}
			submission, imaps := freePort(t), freePort(t)
			conf := fmt.Appendf(nil, haproxyConf, word, submission, r.door(587).Address, imaps, r.door(993).Address)
			d.run("", program, "-db", "-f", write(t, d.dir, "haproxy.cfg", conf))
			r.awaitChecks(t)

			file := write(t, t.TempDir(), "letter", crlf(letter))
			common := []string{"--interface", "127.0.0.5", "--retry", "20", "--retry-connrefused", "--retry-delay", "1"}
			r.run("curl", r.curlArgs(append(common, "--ssl-reqd", "--user", r.User+":secret", "--mail-from", r.User, "--mail-rcpt", r.User,
				"--upload-file", file, fmt.Sprintf("smtp://localhost:%d/client.example.test", submission))...)...).want(0)
			r.run("curl", r.curlArgs(append(common, "--user", r.User+":secret", fmt.Sprintf("imaps://localhost:%d/INBOX;UID=1", imaps))...)...).want(0).says("hello")

			clients := map[int]int{}
			for _, s := range r.records(t) {
				address, _, err := net.SplitHostPort(s.Client)
				switch {
				case err != nil:
					t.Errorf("a session's client is %q", s.Client)
				case address == "127.0.0.5":
					clients[s.Door]++
					_, port, _ := net.SplitHostPort(s.Server)
					if want := fmt.Sprint(map[int]int{587: submission, 993: imaps}[s.Door]); port != want {
						t.Errorf("door %d: the client connected to port %s, not %s", s.Door, port, want)
					}
				case len(s.Logins) > 0:
					t.Errorf("door %d: a client that logged in came from %s", s.Door, address)
				}
			}
			if clients[587] == 0 || clients[993] == 0 {
				t.Errorf("sessions of the client by door: %v", clients)
			}
			for _, f := range r.findings(t) {
				if f.Severity == diagnose.Error {
					t.Errorf("%s: %s %s", f.ID, f.Title, f.Explanation)
				}
			}
		})
	}
}

// awaitChecks waits until a health check of HAProxy has come to each of its backends.
func (r *rig) awaitChecks(t *testing.T) {
	t.Helper()
	doors := map[int]bool{}
	eventually(t, "a health check at each door", func() bool {
		for _, s := range r.records(t) {
			doors[s.Door] = true
		}
		return doors[587] && doors[993]
	})
}

// TestHAProxyUnexpected checks that the header is a finding where nobody expects it.
func TestHAProxyUnexpected(t *testing.T) {
	t.Parallel()
	program := sbin(t, "haproxy")
	r := start(t, "--proxy-protocol", "192.0.2.1")
	d := &debian{t: t, dir: t.TempDir()}
	conf := fmt.Appendf(nil, haproxyConf, "send-proxy-v2", freePort(t), r.door(587).Address, freePort(t), r.door(993).Address)
	d.run("", program, "-db", "-f", write(t, d.dir, "haproxy.cfg", conf))
	eventually(t, "a finding", func() bool { return strings.Contains(string(r.get(t, "/api/v1/findings")), `"proxy-header"`) })
}
