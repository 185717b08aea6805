package e2e

import (
	"fmt"
	"testing"
)

// swaks runs swaks on a door. It checks certificates if there is TLS.
func (r *rig) swaks(w way, to string, more ...string) result {
	r.t.Helper()
	args := []string{"--server", "localhost", "--port", r.port(w.door), "--from", "bob@example.test", "--to", to,
		"--ehlo", "client.example.test", "--timeout", "20"}
	switch w.mode {
	case "starttls":
		args = append(args, "--tls")
	case "tls":
		args = append(args, "--tls-on-connect")
	}
	if w.mode != "clear" {
		args = append(args, "--tls-verify", "--tls-ca-path", r.CAFile)
	}
	if w.login() {
		args = append(args, "--auth-user", r.User, "--auth-password", r.Password)
	}
	return r.run("swaks", append(args, more...)...)
}

func TestSwaks(t *testing.T) {
	t.Parallel()
	need(t, "swaks")
	for i, w := range sendWays {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			r := start(t)
			mechanisms := []string{"PLAIN", "LOGIN"}
			if !w.login() {
				mechanisms = []string{""}
			}
			for _, mech := range mechanisms {
				to := fmt.Sprintf("swaks-%d%s@example.test", i, mech)
				more := []string{"--header", "Subject: " + w.String(), "--body", "by swaks\n.\n..\n"}
				if mech != "" {
					more = append(more, "--auth", mech)
				}
				res := r.swaks(w, to, more...).want(0).says("250 2.0.0", "221 2.0.0")
				if w.mode != "clear" {
					res.says("TLS started with cipher", "/O=mailrig/CN=localhost")
				}
				r.fetched(to, "Subject: "+w.String()+"\r\n", "by swaks\r\n.\r\n..\r\n")
			}
			// A mix-up of ports must end soon and clearly, rather than hang.
			if w.door == 465 {
				r.swaks(way{465, "clear"}, "nobody@example.test", "--timeout", "2").want(21)
			}
		})
	}
	t.Run("wrong mechanism for the list of users", func(t *testing.T) {
		t.Parallel()
		r := start(t, "--user", "carol:secret")
		r.swaks(way{587, "starttls"}, "x@example.test", "--auth", "PLAIN", "--auth-user", "carol", "--auth-password", "wrong").want(28).says("535 5.7.8")
		r.swaks(way{465, "tls"}, "x@example.test", "--auth", "LOGIN", "--auth-user", "carol", "--auth-password", "wrong").want(28).says("535 5.7.8")
		r.swaks(way{465, "tls"}, "x@example.test", "--auth", "LOGIN", "--auth-user", "carol", "--auth-password", "secret").want(0)
	})
}
