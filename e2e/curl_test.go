package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// curlArgs returns what every curl gets: the rig's CA, no progress bar, a time limit.
func (r *rig) curlArgs(args ...string) []string {
	return append([]string{"--silent", "--show-error", "--cacert", r.CAFile, "--max-time", "30"}, args...)
}

func (r *rig) curl(args ...string) result {
	r.t.Helper()
	return r.run("curl", r.curlArgs(args...)...)
}

// way says how a client speaks to a door.
type way struct {
	door int
	mode string // "clear", "starttls" or "tls": the choices on a settings screen
}

var (
	sendWays = []way{{25, "clear"}, {25, "starttls"}, {2525, "clear"}, {2525, "starttls"}, {587, "starttls"}, {465, "tls"}}
	imapWays = []way{{143, "clear"}, {143, "starttls"}, {993, "tls"}}
	popWays  = []way{{110, "clear"}, {110, "starttls"}, {995, "tls"}}
)

func (w way) String() string { return fmt.Sprintf("%d-%s", w.door, w.mode) }

// login reports whether a door accepts mail only after a login.
func (w way) login() bool { return w.door == 587 || w.door == 465 }

// curlURL returns the URL and the option that the way needs.
func (r *rig) curlURL(w way, path string) []string {
	scheme := map[int]string{25: "smtp", 2525: "smtp", 587: "smtp", 465: "smtps",
		143: "imap", 993: "imaps", 110: "pop3", 995: "pop3s"}[w.door]
	args := []string{scheme + "://" + r.local(w.door) + path}
	if w.mode == "starttls" {
		args = append(args, "--ssl-reqd")
	}
	return args
}

// curlSend runs the command that sends a file.
func (r *rig) curlSend(w way, from, to, file string, more ...string) result {
	r.t.Helper()
	args := append(r.curlURL(w, "/client.example.test"), "--mail-from", from, "--mail-rcpt", to, "--upload-file", file)
	if w.login() {
		args = append(args, "--user", r.User+":"+r.Password)
	}
	return r.curl(append(args, more...)...)
}

func (r *rig) curlIMAP(w way, user, path string, more ...string) result {
	r.t.Helper()
	return r.curl(append(append(r.curlURL(w, path), "--user", user+":secret"), more...)...)
}

func TestCurl(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	r := start(t)
	r.blameless(t, "certificate-not-trusted", "tls-needed", "login-missing")
	dir := t.TempDir()

	t.Run("sends, reads and deletes at every door", func(t *testing.T) {
		for i, w := range sendWays {
			to := fmt.Sprintf("curl-%d@example.test", i)
			body := simple("bob@example.test", to, "by "+w.String())
			r.curlSend(w, "bob@example.test", to, write(t, dir, w.String(), body)).want(0).silent()
			for _, in := range imapWays {
				same(t, []byte(r.curlIMAP(in, to, "/INBOX;UID=1").want(0).silent().out), body)
			}
			for _, in := range popWays {
				same(t, []byte(r.curlIMAP(in, to, "/1").want(0).silent().out), body)
			}
			r.curlIMAP(popWays[i%len(popWays)], to, "/1", "--request", "DELE", "--head").want(0)
			if list := r.curlIMAP(popWays[0], to, "/").want(0).out; strings.TrimSpace(list) != "" {
				t.Errorf("after DELE and QUIT the maildrop still lists %q", list)
			}
		}
	})
	t.Run("appends, lists and searches", func(t *testing.T) {
		for _, w := range imapWays {
			user := fmt.Sprintf("curl-%d-%s@example.test", w.door, w.mode)
			draft := simple(user, "bob@example.test", "a draft")
			r.curlIMAP(w, user, "/Drafts", "--upload-file", write(t, dir, "draft", draft)).want(0).silent()
			diff(t, []byte(r.curlIMAP(w, user, "/Drafts;UID=1").want(0).out), draft)
			r.curlIMAP(w, user, "/", "--request", `LIST "" *`).want(0).says(`\Drafts`, `\Sent`, `\Junk`, `\Trash`, `\Archive`)
			r.curlIMAP(w, user, "/Drafts?SUBJECT%20draft").want(0).says("* SEARCH 1")
			r.curlIMAP(w, user, "/Drafts;UID=1;SECTION=HEADER.FIELDS%20(SUBJECT)").want(0).says("Subject: a draft")
		}
	})
	t.Run("logs in by each mechanism", func(t *testing.T) {
		for _, mech := range []string{"PLAIN", "LOGIN"} {
			for _, w := range []way{{587, "starttls"}, {465, "tls"}, {993, "tls"}, {995, "tls"}, {143, "clear"}, {110, "clear"}} {
				args := append(r.curlURL(w, "/"), "--user", "carol:secret", "--login-options", "AUTH="+mech)
				if w.door == 587 || w.door == 465 {
					args = append(args, "--request", "NOOP")
				}
				r.curl(args...).want(0).silent()
			}
		}
	})
	t.Run("trusts nobody without the CA", func(t *testing.T) {
		for _, w := range append(append(sendWays[3:], imapWays[1:]...), popWays[1:]...) {
			args := append([]string{"--silent", "--show-error", "--max-time", "20"}, r.curlURL(w, "/")...)
			r.run("curl", args...).want(60)
		}
	})
	t.Run("submission wants TLS, then a login", func(t *testing.T) {
		file := write(t, dir, "m", simple("a@example.test", "b@example.test", "x"))
		send := []string{"--mail-from", "a@example.test", "--mail-rcpt", "b@example.test", "--upload-file", file, "--verbose"}
		r.curl(append(send, r.curlURL(way{587, "clear"}, "")...)...).want(55).says("530 5.7.0 Must issue a STARTTLS command first")
		r.curl(append(send, r.curlURL(way{587, "starttls"}, "")...)...).want(55).says("530 5.7.0 Authentication required")
		r.curl(append(send, r.curlURL(way{465, "tls"}, "")...)...).want(55).says("530 5.7.0 Authentication required")
	})
}

// TestDoors checks what the start-up line says and what the HTTP door serves.
func TestDoors(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	r := start(t)
	want := []doorInfo{
		{25, "smtp", "smtp", "starttls", ""}, {2525, "smtp-alt", "smtp", "starttls", ""},
		{587, "submission", "smtp", "starttls-required", ""}, {465, "submissions", "smtp", "tls", ""},
		{110, "pop3", "pop3", "starttls", ""}, {995, "pop3s", "pop3", "tls", ""},
		{143, "imap", "imap", "starttls", ""}, {993, "imaps", "imap", "tls", ""},
	}
	if len(r.Doors) != len(want) {
		t.Errorf("%d doors, want %d: %v", len(r.Doors), len(want), r.Doors)
	}
	for _, w := range want {
		got := r.door(w.Port)
		got.Address = ""
		if got != w {
			t.Errorf("door %+v, want %+v", got, w)
		}
	}
	if st, err := os.Stat(r.CAFile); err != nil || !st.Mode().IsRegular() {
		t.Errorf("CA file %s: %v", r.CAFile, err)
	}
	pem, err := os.ReadFile(r.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, []byte(r.curl(r.HTTP+"/ca.pem").want(0).out), pem)
	for _, path := range []string{"/livez", "/readyz", "/api/v1/doors", "/api/v1/sessions", "/api/v1/scenario", "/api/v1/scenarios", "/"} {
		r.curl("--fail", r.HTTP+path).want(0)
	}
	r.curl("--fail", "--header", "Host: evil.example", r.HTTP+"/api/v1/doors").want(22)
	r.curl("--fail", "--header", "Origin: http://evil.example", "--request", "POST", r.HTTP+"/api/v1/reset").want(22)

	r.stop()
	if got := r.curl(r.HTTP + "/ca.pem"); got.out == string(pem) { // somebody else may have the port by now
		t.Error("the run is over, and its HTTP port still answers")
	}
	if _, err := os.Stat(r.CAFile); err == nil {
		t.Errorf("the run is over and its CA file %s is still there", filepath.Base(r.CAFile))
	}
}
