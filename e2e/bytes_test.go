package e2e

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryByte sends by hand what no decent client sends, and expects it back unchanged: bare CR and LF, false ends of
// data (SMTP smuggling), a message without a header, an empty one, and by BDAT what DATA can't carry.
func TestEveryByte(t *testing.T) {
	t.Parallel()
	r := start(t)
	bodies := map[string]string{
		"bare line ends":       "Subject: x\r\n\r\nbare\nLF and bare\rCR and\r\r\ntwo\n\r\n",
		"smuggled end LF":      "Subject: x\r\n\r\nbefore\n.\nMAIL FROM:<evil@example.test>\r\n",
		"smuggled end LF CRLF": "Subject: x\r\n\r\nbefore\n.\r\nMAIL FROM:<evil@example.test>\r\n",
		"smuggled end CR":      "Subject: x\r\n\r\nbefore\r.\rMAIL FROM:<evil@example.test>\r\n",
		"smuggled end CRLF LF": "Subject: x\r\n\r\nbefore\r\n.\nMAIL FROM:<evil@example.test>\r\n",
		"no header":            "\r\nonly a body\r\n",
		"no body":              "Subject: only a header\r\n",
		"nothing like mail":    "no colon here\r\n : nor here\r\n\xff\xfe\r\n",
		"empty":                "",
		"broken MIME":          "Content-Type: multipart/mixed; boundary=\"\r\n\r\n--\r\n--\r\nContent-Type: \r\n\r\n",
	}
	check := func(t *testing.T, user, body string) {
		t.Helper()
		r := r.in(t)
		all := r.messages(user)
		if len(all) != 1 {
			t.Fatalf("%d messages came of one: %q", len(all), all)
		}
		same(t, all[0], []byte(body))
		same(t, talkFetchesPOP(t, r, way{995, "tls"}, user), []byte(body))
	}
	envelope := func(t *testing.T, user string) *talk {
		t.Helper()
		k := r.dial(t, 25)
		k.expect("220 ")
		k.say("EHLO c.example.test", "250 ")
		k.say("MAIL FROM:<bob@example.test>", "250 ")
		k.say("RCPT TO:<"+user+">", "250 ")
		return k
	}
	n := 0
	for name, body := range bodies {
		n++
		user := fmt.Sprintf("byte-%d@example.test", n)
		t.Run("DATA "+name, func(t *testing.T) {
			t.Parallel()
			k := envelope(t, user)
			k.say("DATA", "354 ")
			stuffed := strings.ReplaceAll("\r\n"+body, "\r\n.", "\r\n..")[2:]
			if _, err := io.WriteString(k.Conn, stuffed+".\r\n"); err != nil {
				t.Fatal(err)
			}
			k.expect("250 ")
			k.say("QUIT", "221 ")
			check(t, user, body)
		})
		t.Run("BDAT "+name, func(t *testing.T) {
			t.Parallel()
			user := "b" + user
			k := envelope(t, user)
			half := len(body) / 2
			if _, err := fmt.Fprintf(k.Conn, "BDAT %d\r\n%sBDAT %d LAST\r\n%s", half, body[:half], len(body)-half, body[half:]); err != nil {
				t.Fatal(err)
			}
			k.expect("250 ")
			k.expect("250 ")
			k.say("QUIT", "221 ")
			check(t, user, body)
		})
	}
}

// TestSeed finds preloaded mail by IMAP and POP3, as it is on the disk.
func TestSeed(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	dir := t.TempDir()
	inbox, sent := nasty("seeded", 3000), simple("alice@example.test", "bob@example.test", "sent before")
	write(t, dir, filepath.Join("alice@example.test", "INBOX", "1.eml"), inbox)
	write(t, dir, filepath.Join("alice@example.test", "Sent", "1.eml"), sent)
	r := start(t, "--seed", dir)
	for _, w := range imapWays {
		diff(t, []byte(r.curlIMAP(w, "alice", "/INBOX;UID=1").want(0).out), inbox)
		diff(t, []byte(r.curlIMAP(w, "alice", "/Sent;UID=1").want(0).out), sent)
	}
	for _, w := range popWays {
		diff(t, []byte(r.curlIMAP(w, "alice", "/1").want(0).out), inbox)
	}
}

// TestPasswordsStaySecret logs in with every mechanism, and looks for the password in everything that mailrig says
// about its sessions.
func TestPasswordsStaySecret(t *testing.T) {
	t.Parallel()
	need(t, "curl", "swaks")
	r := start(t)
	const user, password = "carol", "hunter2-Zq9"
	for _, mech := range []string{"AUTH=PLAIN", "AUTH=LOGIN", "AUTH=*"} {
		for _, w := range append(append([]way{{587, "starttls"}, {465, "tls"}, {25, "clear"}}, imapWays...), popWays...) {
			args := append(r.curlURL(w, "/"), "--user", user+":"+password, "--login-options", mech)
			if r.door(w.door).Protocol == "smtp" {
				args = append(args, "--request", "NOOP")
			}
			r.curl(args...).want(0)
		}
	}
	r.swaks(way{465, "tls"}, "x@example.test", "--auth", "LOGIN", "--auth-user", user, "--auth-password", password).want(0)
	k := r.dial(t, 143)
	k.expect("* OK")
	k.send("a1 LOGIN {%d+}\r\n%s {%d+}\r\n%s", len(user), user, len(password), password)
	k.expect("a1 OK")
	k.say("a2 LOGOUT", "a2 OK")
	p := r.dial(t, 110)
	p.expect("+OK")
	p.say("USER "+user, "+OK")
	p.say("PASS "+password, "+OK")
	p.say("QUIT", "+OK")

	resp, err := http.Get(r.HTTP + "/api/v1/sessions")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"sessions", "--http", r.HTTP}
	for _, s := range r.sessions() {
		args = append(args, s.ID)
	}
	if len(args) < 20 {
		t.Fatalf("only %d sessions", len(args))
	}
	said := string(all) + r.run(binary, args...).want(0).out + r.err.String()
	plain := "\x00" + user + "\x00" + password
	for _, secret := range []string{password, base64.StdEncoding.EncodeToString([]byte(password)), base64.StdEncoding.EncodeToString([]byte(plain))} {
		if i := strings.Index(said, secret); i >= 0 {
			t.Errorf("the password stands in the sessions: %q", said[max(0, i-200):i+len(secret)])
		}
	}
}
