package e2e

import (
	"testing"
)

func tlsOnPlainPort(t *testing.T, r *rig) {
	// A client that waits for a greeting waits for ever, or until its own timeout.
	for _, w := range []way{{25, "clear"}, {2525, "starttls"}, {587, "starttls"}, {143, "clear"}, {110, "starttls"}} {
		r.curl(append(r.curlURL(w, "/"), "--max-time", "1")...).want(28)
	}
	// A client set to TLS from the first byte works.
	body := simple("bob@example.test", "odd@example.test", "x")
	for _, door := range []int{25, 2525, 587} {
		r.python("smtp.py", body, r.port(door), "tls", r.CAFile, r.User, r.Password, "bob@example.test", "odd@example.test").want(0)
	}
	r.python("imap.py", nil, r.port(143), "tls", r.CAFile, "odd@example.test", "secret", "fetch", write(t, t.TempDir(), "x", nil)).want(0)
	r.python("pop3.py", nil, r.port(110), "tls", r.CAFile, "odd@example.test", "secret", "fetch", write(t, t.TempDir(), "x", nil)).want(0)
	r.receives(way{993, "tls"}, way{995, "tls"}) // the TLS doors are unaffected
}

func plainOnTLSPort(t *testing.T, r *rig) {
	need(t, "openssl")
	for _, w := range []way{{465, "tls"}, {993, "tls"}, {995, "tls"}} {
		r.curl(r.curlURL(w, "/")...).want(35)
		r.sClient(w.door, "").want(1).says("wrong version number")
		clear := w
		clear.mode = "clear"
		k := r.dial(t, w.door)
		k.expect(map[int]string{465: "220 ", 993: "* OK", 995: "+OK"}[w.door])
	}
	a := r.python("smtp.py", nil, r.port(465), "tls", r.CAFile, "alice", "secret", "a@example.test", "b@example.test").want(1).answer()
	if a.Error != "SSLError" {
		t.Errorf("smtplib: %+v, want SSLError", a)
	}
	for _, s := range r.sessions() {
		if len(s.Logins) > 0 {
			t.Errorf("somebody logged in: %+v", s)
		}
	}
	r.sends(way{587, "starttls"})
}

// startTLSDoors are the ways in which a client insists on STARTTLS.
var startTLSDoors = []way{{25, "starttls"}, {2525, "starttls"}, {587, "starttls"}, {143, "starttls"}, {110, "starttls"}}

// insists checks that clients which must encrypt stop instead of going on in clear: curl with 64, swaks with 29, and
// msmtp with 69 (not offered) or 76 (refused).
func (r *rig) insists(msmtp int) {
	r.t.Helper()
	for _, w := range startTLSDoors {
		r.curl(append(r.curlURL(w, "/"), "--user", "alice:secret")...).want(64)
	}
	for _, w := range startTLSDoors[:3] {
		r.swaks(w, "b@example.test").want(29)
	}
	r.msmtp(way{587, "starttls"}, "plain", "b@example.test", []byte("Subject: x\n\nx\n")).want(msmtp).says("STARTTLS")
	for _, s := range r.sessions() {
		if len(s.Logins) > 0 {
			r.t.Errorf("a client that wants TLS sent its password: %+v", s)
		}
	}
	r.sends(way{465, "tls"})
	r.receives(way{993, "tls"}, way{995, "tls"})
}

func startTLSNotOffered(t *testing.T, r *rig) {
	need(t, "swaks", "msmtp", "openssl")
	r.insists(69)
	// A client that asks nevertheless is refused: the server really lacks it.
	for _, w := range startTLSDoors {
		if res := r.sClient(w.door, ""); res.code == 0 {
			t.Errorf("door %d serves STARTTLS though it isn't offered:\n%s", w.door, res.out)
		}
	}
	// An opportunistic client goes on in clear: that is the danger.
	r.sends(way{25, "clear"})
	r.curl("--ssl", "imap://"+r.local(143)+"/", "--user", "alice:secret").want(0)
}

func startTLSRefused(t *testing.T, r *rig) {
	need(t, "swaks", "msmtp", "openssl")
	r.insists(76)
	r.swaks(way{25, "starttls"}, "b@example.test").want(29).says("454 4.7.0 TLS not available due to temporary reason")
	for _, c := range []struct {
		door                    int
		caps, command, refusing string
	}{{25, "EHLO c.example.test", "STARTTLS", "454 4.7.0"}, {143, "a1 CAPABILITY", "a2 STARTTLS", "a2 NO [UNAVAILABLE]"}, {110, "CAPA", "STLS", "-ERR [SYS/TEMP]"}} {
		k := r.dial(t, c.door)
		k.send("%s", c.caps)
		k.send("%s", c.command)
		for l := k.line(); ; l = k.line() {
			if len(l) >= len(c.refusing) && l[:len(c.refusing)] == c.refusing {
				break
			}
		}
	}
}

func startTLSStripped(t *testing.T, r *rig) {
	need(t, "swaks", "msmtp", "openssl")
	r.insists(69)
	// The server itself would serve it: s_client tries without reading the list.
	quit := map[int]string{25: "QUIT\n", 2525: "QUIT\n", 587: "QUIT\n", 143: "a1 LOGOUT\n", 110: "QUIT\n"}
	for _, w := range startTLSDoors {
		r.sClient(w.door, quit[w.door]).want(0)
	}
}

// badCertificate checks the verdicts on a certificate at every door: curl's 60, openssl's number, and the error classes
// of Python and Node. No client that checks certificates may give away its password.
func badCertificate(number, reason string) func(*testing.T, *rig) {
	return func(t *testing.T, r *rig) {
		need(t, "openssl", "curl")
		for _, w := range append(startTLSDoors[:len(startTLSDoors):len(startTLSDoors)], way{465, "tls"}, way{993, "tls"}, way{995, "tls"}) {
			r.curl(append(r.curlURL(w, "/"), "--user", "alice:secret")...).want(60)
			r.sClient(w.door, "").want(1).says("verify error:num="+number+":", reason)
		}
		a := r.python("smtp.py", nil, r.port(465), "tls", r.CAFile, "alice", "secret", "a@example.test", "b@example.test").want(1).answer()
		if a.Error != "SSLCertVerificationError" {
			t.Errorf("smtplib: %+v, want SSLCertVerificationError", a)
		}
		for _, s := range r.sessions() {
			if len(s.Logins) > 0 {
				t.Errorf("a client that checks certificates sent its password: %+v", s)
			}
		}
		r.sends(way{25, "clear"}) // without TLS nobody sees a certificate
	}
}
