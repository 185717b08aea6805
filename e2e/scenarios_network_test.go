package e2e

import (
	"testing"
)

func port25Refused(_ *testing.T, r *rig) {
	r.curlSend(way{25, "clear"}, "a@example.test", "b@example.test", r.message(0)).want(7)
	r.swaks(way{25, "clear"}, "b@example.test").want(2).says("Connection refused")
	r.sends(way{587, "starttls"})
	r.sends(way{465, "tls"})
	r.receives(imapWays...)
}

// blocked checks that a connect to the door runs into the client's own timeout.
func (r *rig) blocked(door int) {
	r.t.Helper()
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		res := r.curl("--connect-timeout", "1", "smtp://"+host+":"+r.port(door)).want(28)
		res.says("curl: (28)")
	}
}

func port25Blocked(_ *testing.T, r *rig) {
	r.blocked(25)
	r.sends(way{2525, "starttls"})
	r.sends(way{587, "starttls"})
	r.sends(way{465, "tls"})
}

func receiveButNotSend(_ *testing.T, r *rig) {
	r.blocked(25)
	r.receives(imapWays...)
	r.receives(popWays...)
	r.sends(way{587, "starttls"}) // the solution
	r.sends(way{465, "tls"})
}

func allSubmissionBlocked(_ *testing.T, r *rig) {
	for _, door := range []int{25, 587, 465} {
		r.blocked(door)
	}
	r.sends(way{2525, "starttls"})
	r.receives(imapWays...)
	r.receives(popWays...)
}

func port25Intercepted(t *testing.T, r *rig) {
	need(t, "swaks")
	// If encryption is required, a client stops before anything is said.
	r.curlSend(way{25, "starttls"}, "a@example.test", "b@example.test", r.message(0)).want(64)
	r.swaks(way{25, "starttls"}, "b@example.test").want(29)
	// If it isn't, the client meets the provider's proxy.
	r.swaks(way{25, "clear"}, "b@example.test").want(24).says("220 smtp-out.isp.example", "550 5.7.1 Relaying denied")
	r.swaks(way{25, "clear"}, "b@example.test", "--auth-user", "alice", "--auth-password", "secret").want(28)
	r.sends(way{587, "starttls"})
	r.sends(way{2525, "starttls"})
}

func silentServer(_ *testing.T, r *rig) {
	for _, w := range append(append(sendWays[:len(sendWays):len(sendWays)], imapWays...), popWays...) {
		// --connect-timeout includes the handshake, which is where a TLS client waits.
		r.curl(append(r.curlURL(w, "/"), "--max-time", "1")...).want(28)
	}
}

func slowGreeting(t *testing.T, r *rig) {
	for _, w := range []way{{25, "clear"}, {465, "tls"}, {587, "starttls"}, {143, "clear"}, {993, "tls"}, {110, "clear"}, {995, "tls"}} {
		r.curl(append(r.curlURL(w, "/"), "--max-time", "1")...).want(28)
	}
}

// TestPatientClient waits for a late greeting at every door, and then sends or fetches its mail. The scenario is a copy
// of slow-greeting that is only a second late.
func TestPatientClient(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	file := write(t, t.TempDir(), "late.yaml", []byte("name: late\ntitle: late\nstory: a little late\nrules:\n  - delay-greeting: 1s\n"))
	r := start(t, "--scenario", file)
	for _, w := range append(append(sendWays[:len(sendWays):len(sendWays)], imapWays...), popWays...) {
		t.Run(w.String(), func(t *testing.T) {
			if r.door(w.door).Protocol != "pop3" {
				t.Parallel() // only one client at a time may use a POP3 maildrop (RFC 1939 section 4)
			}
			r := r.in(t)
			if r.door(w.door).Protocol == "smtp" {
				r.sends(w)
			} else {
				r.receives(w)
			}
			r.curl(append(r.curlURL(w, "/"), "--max-time", "0.5")...).want(28)
		})
	}
}
