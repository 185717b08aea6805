package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// canaries are passwords that must appear nowhere. One looks like a password, one like a word, one like a command.
var canaries = []string{"Kanarien-7v0gel", "gelbervogel", "GELBERVOGEL7"}

// canaryWays are the ways in which clients send a password, rightly and wrongly. {P} is the password, {Q} its base64, {B}
// the response of PLAIN, {O} and {X} those of OAUTHBEARER and XOAUTH2 with it as the token, {H} what HTTP's Basic makes of
// it, {N} its length. Each is sent to a door of each protocol.
var canaryWays = []string{
	"EHLO c\nAUTH PLAIN {B}",
	"EHLO c\nAUTH PLAIN\n{B}",
	"EHLO c\nAUTH LOGIN\nYWxpY2U=\n{Q}",
	"EHLO c\nAUTH LOGIN YWxpY2U=\n{Q}",
	"EHLO c\nAUTH LOGIN\nnot base64\nYWxpY2U=\n{Q}",
	"EHLO c\nAUTH=PLAIN {B}",
	"EHLO c\nAUTH: PLAIN {B}",
	"EHLO c\nAUTH {P}",
	"EHLO c\nAUTH {B}",
	"EHLO c\nAUTH\tPLAIN\t{B}",
	"EHLO c\nAUTHPLAIN {B}",
	"EHLO c\nAUT PLAIN {B}",
	"EHLO c\nauth alice {P}",
	"EHLO c\nAUTH XOAUTH2 {Q}\n{Q}",
	"EHLO c\nAUTH CRAM-MD5\n{Q}\n{Q}",
	"EHLO c\nAUTH SCRAM-SHA-256 {Q}\n{Q}",
	"EHLO c\nAUTH SCRAM-SHA-1\nbiwsbj1hbGljZSxyPW5vbmNl\n{Q}\n{P}",
	"EHLO c\nAUTH DIGEST-MD5\n{Q}\n{P}",
	"EHLO c\nAUTH NTLM {Q}\n{Q}",
	"EHLO c\nAUTH ANONYMOUS {Q}",
	"EHLO c\nAUTH OAUTHBEARER {O}\n{P}\n{O}",
	"EHLO c\nAUTH XOAUTH2 {X}\n{X}",
	"AUTH XOAUTH2\n{X}\nAUTH XOAUTH2 {X}",
	"a1 AUTHENTICATE XOAUTH2 {X}\na1 AUTHENTICATE XOAUTH2 {X}\n{P}",
	"a1 AUTHENTICATE OAUTHBEARER\n{O}\n{P}",
	"a1 AUTHENTICATE SCRAM-SHA-256\nbiwsbj1hbGljZSxyPW5vbmNl\n{Q}",
	"a1 AUTHENTICATE CRAM-MD5\n{Q}\n{P}",
	"EHLO c\nMAIL FROM:<alice@example.test> AUTH={P}",
	"EHLO c\nMAIL FROM:<alice@example.test> AUTH=<{P}>",
	"EHLO c\nMAIL FROM:<alice@example.test> PASSWORD={P}",
	"EHLO c\nMAIL FROM:<alice@example.test> alice {P}",
	"EHLO c\nMAIL FROM:<alice:{P}@example.test>",
	"EHLO c\nMAIL FROM:<alice@example.test>\nRCPT TO:<bob@example.test> PASS {P}",
	"EHLO c AUTH PLAIN {B}",
	"EHLO alice:{P}",
	"EHLO c\nLOGIN alice {P}",
	"EHLO c\nNOOP {P}\nRSET {P}\nHELP {P}\nQUIT {P}",
	"EHLO c\nVRFY alice {P}",
	"EHLO c\nXCLIENT LOGIN=alice PASSWORD={P}",
	"EHLO c\n{Q}\n{P}",
	"USER alice\nPASS {P}",
	"USER alice {P}\nPASS {P}",
	"USER alice:{P}",
	"USER alice:{P}\nPASS {P}",
	"USER alice\n{P}",
	"USER alice\nPAS {P}",
	"USER alice\nPASSWD {P}",
	"USER alice\nPASS={P}",
	"USER alice\nPASS:{P}",
	"USER alice\nPASS{P}",
	"USER alice\n PASS {P}",
	"USER alice\n\x00PASS {P}",
	"USER alice\nPASS\x00{P}",
	"USER alice\nPASS\u00a0{P}",
	"APOP alice {P}",
	"APOP {P}",
	"AUTH PLAIN\n{P}\n{B}",
	"RETR {P}\nLIST {P}\nSTAT {P}\nCAPA {P}",
	"alice {P}",
	"a1 LOGIN alice {P}",
	"a1 LOGIN \"alice\" \"{P}\"",
	"a1 LOGIN alice \"{P}",
	"a1 LOGIN alice:{P}",
	"a1 LOGIN \"alice:{P}\"",
	"a1 LOGIN {5}\nalice {{N}}\n{P}",
	"a1 LOGIN {5+}\nalice {{N}+}\n{P}",
	"a1 LOGIN {5\nalice {{N}}\n{P}",
	"a1 LOGIN\nalice\n{P}",
	"a1 LOGIN\n{P}",
	"a1 LOGIN alice\n{P}",
	"a1 LOGON alice {P}",
	"a1 LOGON {5+}\nalice {{N}+}\n{P}",
	"a1 login\talice\t{P}",
	"a1 NOOP {P}\na2 CAPABILITY {P}\na3 IDLE {P}",
	"a1 ID (\"name\" \"x\" \"password\" \"{P}\")",
	"a1 ID (\"password\" {{N}+}\n{P})",
	"a1 AUTHENTICATE PLAIN {B}",
	"a1 AUTHENTICATE PLAIN\n{B}",
	"a1 AUTHENTICATE PLAIN\n*\n{B}",
	"a1 AUTHENTICATE {P}",
	"a1 AUTH PLAIN {B}",
	"LOGIN alice {P}",
	"a1 UID LOGIN alice {P}",
	"a1 URLFETCH imap://alice:{P}@example.test/",
	"a1\n{P} NOOP2",
	"{P}",
	"{P} {P} {P}",
	"GET /?user=alice&password={P} HTTP/1.1\nHost: alice:{P}@example.test\nAuthorization: Basic {H}\nCookie: p={P}\nX-Password: {P}\n",
	"POST / HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\n\nuser=alice&password={P}",
	"PROXY TCP4 {P} 127.0.0.1 1 2",
	"password={P}",
	"Authorization: Bearer {P}",
	"user alice\npass {P}",
}

// forged is what a client would add to a list of sessions, if it could, by a line end in its user's name.
const forged = "#4711 forged"

// forgeries are logins as such a user.
var forgeries = []string{"EHLO c\nAUTH PLAIN {F}", "AUTH PLAIN {F}", "a1 AUTHENTICATE PLAIN {F}", "a1 LOGIN {15+}\nal\n#4711 forged x"}

// canary sends the canaries in every way to a running rig, and then looks for them everywhere where mailrig shows what
// clients did. It needs the variables of `mailrig run`. With an argument it only sends.
func canary() {
	traces := []string{"\n" + forged, `\n` + forged}
	forge := strings.NewReplacer("{F}", base64.StdEncoding.EncodeToString([]byte("\x00al\n"+forged+"\x00x")), "\n", "\r\n")
	for _, way := range forgeries {
		for _, door := range []string{"25", "110", "143"} {
			_ = sendCanary(os.Getenv("MAILRIG_PORT_"+door), forge.Replace(way))
		}
	}
	for _, p := range canaries {
		fill, secrets := canaryWords(p)
		traces = append(traces, secrets...)
		for _, way := range canaryWays {
			for _, door := range []string{"25", "110", "143"} {
				if err := sendCanary(os.Getenv("MAILRIG_PORT_"+door), fill.Replace(way)); err != nil {
					fmt.Fprintf(os.Stderr, "door %s, %q: %v\n", door, way, err)
					os.Exit(1)
				}
			}
		}
	}
	fmt.Println("sent", len(canaryWays), "ways")
	if len(os.Args) > 1 {
		return
	}
	for name, text := range canaryPlaces() {
		lower := strings.ToLower(text)
		for _, trace := range traces {
			if at := strings.Index(lower, strings.ToLower(trace)); at >= 0 {
				fmt.Fprintf(os.Stderr, "leak: %s has …%q…\n", name, text[max(0, at-200):min(len(text), at+100)])
			}
		}
		if len(text) < 20 {
			fmt.Fprintf(os.Stderr, "leak unknown: %s is only %q\n", name, text)
		}
	}
}

// canaryWords returns what fills the ways' places for a password, and the texts that would give it away.
func canaryWords(p string) (*strings.Replacer, []string) {
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	q, b, h := encode(p), encode("\x00alice\x00"+p), encode("alice:"+p)
	o, x := encode("n,a=alice,\x01auth=Bearer "+p+"\x01\x01"), encode("user=alice\x01auth=Bearer "+p+"\x01\x01")
	fill := strings.NewReplacer("{P}", p, "{Q}", q, "{B}", b, "{H}", h, "{O}", o, "{X}", x, "{N}", fmt.Sprint(len(p)), "\n", "\r\n")
	return fill, []string{p, strings.TrimRight(q, "="), strings.TrimRight(b, "="), strings.TrimRight(h, "="), strings.TrimRight(o, "="), strings.TrimRight(x, "="), fmt.Sprintf("{%d", len(p))}
}

// sendCanary sends a text, and reads until the server closes.
func sendCanary(port, text string) error {
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, text+"\r\n"); err != nil {
		return err
	}
	_ = conn.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, conn) // a reset is as good
	return nil
}

// canaryPlaces returns all that a running rig shows, by the name of the place.
func canaryPlaces() map[string]string {
	places := map[string]string{}
	get := func(path string) string {
		resp, err := http.Get(os.Getenv("MAILRIG_HTTP") + path)
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusOK {
			fmt.Fprintf(os.Stderr, "leak unknown: %s answers %s: %.200s\n", path, resp.Status, body)
		}
		return string(body)
	}
	for _, path := range []string{
		"/", "/metrics", "/api/v1/sessions", "/api/v1/findings", "/api/v1/scenario", "/api/v1/wait?finding=password-sent-in-clear&timeout=10s",
		"/api/v1/mail", "/api/v1/users", "/api/v1/messages", "/api/v1/info",
	} {
		places["GET "+path] = get(path)
	}
	address := strings.TrimPrefix(os.Getenv("MAILRIG_HTTP"), "http://")
	show := func(args ...string) string {
		out, err := exec.Command("mailrig", append(args, "--http", address)...).CombinedOutput()
		if err != nil {
			fmt.Fprintf(os.Stderr, "leak unknown: mailrig %v: %v: %.200s\n", args, err, out)
		}
		return string(out)
	}
	places["mailrig sessions"] = show("sessions")
	places["mailrig sessions --json"] = show("sessions", "--json")
	places["mailrig sessions --findings"] = show("sessions", "--findings")
	places["mailrig wait"] = show("wait", "--session", "door:143", "--timeout", "10s")
	for i, line := range strings.Split(strings.TrimSpace(places["mailrig sessions"]), "\n") {
		if _, rest, ok := strings.Cut(line, " #"); ok && !strings.HasPrefix(line, " ") {
			id, _, _ := strings.Cut(rest, " ")
			places["dialogue of "+id] = get("/api/v1/sessions/" + id + "/dialogue")
			places["events of "+id] = get("/api/v1/sessions/" + id + "/events")
			if i%50 == 0 {
				places["mailrig sessions "+id] = show("sessions", id)
			}
		}
	}
	return places
}
