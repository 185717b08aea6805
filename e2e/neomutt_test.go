package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// muttrc returns NeoMutt's configuration for a way of sending and a user who reads. The macro is what a person would
// type: it pipes the message to a file, flags it, writes the change back and leaves.
func (r *rig) muttrc(w way, user string) string {
	scheme, auth := "smtp", ""
	if w.mode == "tls" {
		scheme = "smtps"
	}
	if w.login() {
		auth = strings.ReplaceAll(r.User, "@", "%40") + "@"
	}
	yes := map[bool]string{true: "yes", false: "no"}
	return fmt.Sprintf(`set realname="Neo" from="neo@example.test" use_from=yes copy=no
set smtp_url="%s://%slocalhost:%s/" smtp_pass="%s"
set ssl_starttls=%s ssl_force_tls=%s certificate_file="%s"
set imap_user="%s" imap_pass="secret" pop_user="%s" pop_pass="secret"
set folder="~" sleep_time=0 quit=yes delete=yes wait_key=no pipe_decode=no header_cache="" pop_checkinterval=0
macro index ,x "<pipe-message>cat >fetched<enter><flag-message><sync-mailbox><quit>"
`, scheme, auth, r.port(w.door), r.Password, yes[w.mode == "starttls"], yes[w.mode != "clear"], r.CAFile, user, user)
}

func TestNeomutt(t *testing.T) {
	t.Parallel()
	need(t, "neomutt")
	r := start(t)
	r.blameless(t)
	for _, w := range sendWays {
		t.Run("sends "+w.String(), func(t *testing.T) {
			t.Parallel()
			r := r.in(t)
			home, to := t.TempDir(), "neomutt-"+w.String()+"@example.test"
			rc := write(t, home, "muttrc", []byte(r.muttrc(w, to)))
			file := write(t, home, "attached.txt", []byte("attached\n"))
			r.runIn(invocation{program: "neomutt", home: home, stdin: []byte("hello\n.\n..\nFrom me\n"),
				args: []string{"-n", "-F", rc, "-s", "by neomutt", "-a", file, "--", to}}).want(0).silent()
			r.fetched(to, "Subject: by neomutt\r\n", "\r\nhello\r\n.\r\n..\r\n", "filename=\"attached.txt\"")
		})
	}
	if runtime.GOOS != "linux" {
		return // on other systems, script takes its command in another way
	}
	need(t, "script")
	for _, w := range append(imapWays[:len(imapWays):len(imapWays)], popWays...) {
		t.Run("reads "+w.String(), func(t *testing.T) {
			t.Parallel()
			r := r.in(t)
			home, user := t.TempDir(), "mutt-"+w.String()+"@example.test"
			body := nasty("for neomutt", 900)
			goSends(t, r, way{465, "tls"}, user, body)
			rc := write(t, home, "muttrc", []byte(r.muttrc(w, user)+"push ,x\n"))
			scheme := map[int]string{143: "imap", 993: "imaps", 110: "pop", 995: "pops"}[w.door]
			folder := ""
			if strings.HasPrefix(scheme, "imap") {
				folder = "INBOX"
			}
			// NeoMutt reads only on a terminal. script provides one.
			r.runIn(invocation{program: "script", home: home, args: []string{"-qec",
				fmt.Sprintf("stty cols 80 rows 24; neomutt -n -F '%s' -f '%s://localhost:%s/%s'", rc, scheme, r.port(w.door), folder), "typescript"}}).want(0)
			got, err := os.ReadFile(filepath.Join(home, "fetched"))
			if err != nil {
				t.Fatal(err)
			}
			same(t, []byte(strings.ReplaceAll(string(got), "\n", "\r\n")), body)
			if folder != "" {
				r.curlIMAP(way{993, "tls"}, user, "/INBOX?FLAGGED").want(0).says("* SEARCH 1")
			}
		})
	}
}
