package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// shows has, for some scenarios of the catalogue, what a real client sees of them. The rig runs with that scenario
// alone.
var shows = map[string]func(t *testing.T, r *rig){
	"port-25-refused":        port25Refused,
	"port-25-blocked":        port25Blocked,
	"port-25-intercepted":    port25Intercepted,
	"receive-but-not-send":   receiveButNotSend,
	"all-submission-blocked": allSubmissionBlocked,
	"silent-server":          silentServer,
	"slow-greeting":          slowGreeting,

	"tls-on-plain-port":    tlsOnPlainPort,
	"plain-on-tls-port":    plainOnTLSPort,
	"starttls-not-offered": startTLSNotOffered,
	"starttls-refused":     startTLSRefused,
	"starttls-stripped":    startTLSStripped,

	"cert-expired":          badCertificate("10", "certificate has expired"),
	"cert-not-yet-valid":    badCertificate("9", "certificate is not yet valid"),
	"cert-wrong-host":       badCertificate("62", "hostname mismatch"),
	"cert-self-signed":      badCertificate("18", "self-signed certificate"),
	"cert-untrusted-root":   badCertificate("19", "self-signed certificate in certificate chain"),
	"cert-incomplete-chain": badCertificate("20", "unable to get local issuer certificate"),

	"auth-wrong-password":        authWrongPassword,
	"auth-temporary-failure":     authTemporaryFailure,
	"greylisting":                greylisting,
	"mailbox-full":               mailboxFull,
	"connection-dropped-in-data": connectionDroppedInData,
	"pop3-locked":                pop3Locked,
	"pop3-disabled":              pop3Disabled,
	"imap-too-many-connections":  imapTooManyConnections,
}

// unseen are scenarios that act before a connection exists, so no session can show them.
var unseen = []string{"port-25-refused", "port-25-blocked", "receive-but-not-send", "all-submission-blocked"}

func TestScenarios(t *testing.T) {
	t.Parallel()
	for name, show := range shows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS != "linux" && strings.Contains(name, "blocked") {
				t.Skip("a connect timeout can only be made on Linux")
			}
			r := start(t, "--scenario", name)
			if !slices.Equal(r.Scenarios, []string{name}) {
				t.Errorf("the start-up line tells of %q", r.Scenarios)
			}
			show(t, r)
			if !slices.Contains(unseen, name) {
				eventually(t, "a session is marked as injected by "+name, func() bool {
					return slices.ContainsFunc(r.sessions(), func(s session) bool { return slices.Contains(s.Injected, name) })
				})
			}
		})
	}
}

// TestShownScenariosExist checks that the scenarios in shows are in the catalogue. TestProbes checks that every
// scenario of the catalogue has a probe.
func TestShownScenariosExist(t *testing.T) {
	t.Parallel()
	r := &rig{t: t}
	var list []struct{ Name string }
	out := r.run(binary, "scenarios", "--json").want(0).out
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		var wrapped struct{ Scenarios []struct{ Name string } }
		if err2 := json.Unmarshal([]byte(out), &wrapped); err2 != nil {
			t.Fatalf("mailrig scenarios --json: %v\n%s", errors.Join(err, err2), clip(out))
		}
		list = wrapped.Scenarios
	}
	if len(list) == 0 {
		t.Fatalf("mailrig scenarios --json lists none: %s", out)
	}
	var known []string
	for _, s := range list {
		known = append(known, s.Name)
	}
	for name := range shows {
		if !slices.Contains(known, name) {
			t.Errorf("mailrig scenarios doesn't list %s", name)
		}
	}
}

// session is what these tests read from GET /api/v1/sessions.
type session struct {
	ID       string
	Door     int
	End      time.Time
	Injected []string
	EndedBy  string `json:"ended_by"`
	Logins   []struct {
		User   string
		OK     bool
		Secure bool
	}
	TLS *struct {
		Error     string
		AlertName string `json:"alert_name"`
	}
}

func (r *rig) sessions() []session {
	r.t.Helper()
	c := http.Client{Timeout: patience}
	resp, err := c.Get(r.HTTP + "/api/v1/sessions")
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		r.t.Fatalf("GET /api/v1/sessions: %s %v\n%s", resp.Status, err, clip(string(body)))
	}
	var list struct{ Sessions []session }
	if err := json.Unmarshal(body, &list); err != nil {
		r.t.Fatal(err)
	}
	return list.Sessions
}

// sends checks that curl can deliver in this way.
func (r *rig) sends(w way) {
	r.t.Helper()
	to := "sends-" + w.String() + "@example.test"
	body := simple("bob@example.test", to, w.String())
	r.curlSend(w, "bob@example.test", to, write(r.t, r.t.TempDir(), "m", body)).want(0)
}

// receives checks that every reading door works.
func (r *rig) receives(ways ...way) {
	r.t.Helper()
	for _, w := range ways {
		r.curlIMAP(w, "alice", "/").want(0)
	}
}

// message returns a file with a message that curl can send.
func (r *rig) message(size int) string {
	r.t.Helper()
	body := simple("bob@example.test", "alice@example.test", "x")
	body = append(body, strings.Repeat(strings.Repeat("y", 70)+"\r\n", size/72)...)
	return write(r.t, r.t.TempDir(), "message", body)
}

// isReset reports whether the peer reset the connection.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// TestOwnScenario gives mailrig a scenario file of the user's own, in each possible way.
func TestOwnScenario(t *testing.T) {
	t.Parallel()
	need(t, "curl", "swaks")
	dir := t.TempDir()
	file := write(t, dir, "x.yaml", []byte(`name: x
title: The office is closed
story: >-
  Mail for one address is refused, for others it isn't.
rules:
  - match: {protocol: smtp, command: RCPT, recipient: "closed@*"}
    reply: "550 5.2.1 The office is closed"
`))
	check := func(r *rig) {
		r.t.Helper()
		r.swaks(way{25, "clear"}, "closed@example.test").want(24).says("550 5.2.1 The office is closed")
		r.swaks(way{25, "clear"}, "open@example.test").want(0)
	}
	t.Run("--scenario", func(t *testing.T) {
		t.Parallel()
		check(start(t, "--scenario", file))
	})
	t.Run("use", func(t *testing.T) {
		t.Parallel()
		r := start(t)
		r.swaks(way{25, "clear"}, "closed@example.test").want(0)
		r.use(file)
		check(r)
	})
	t.Run("run ./x.yaml", func(t *testing.T) {
		t.Parallel()
		res := execute(t, invocation{program: binary, home: dir, args: []string{"run", "--scenario", "./x.yaml", "--", "sh", "-c",
			`swaks --server localhost --port "$MAILRIG_PORT_25" --from a@example.test --to closed@example.test`}})
		res.want(24).says("550 5.2.1 The office is closed")
	})
	t.Run("with a mistake", func(t *testing.T) {
		t.Parallel()
		bad := write(t, t.TempDir(), "bad.yaml", []byte("name: bad\ntitle: t\nstory: s\nrules:\n  - mach: {door: 25}\n    connect: refuse\n"))
		res := execute(t, invocation{program: binary, args: []string{"run", "--scenario", bad, "--", "true"}})
		res.want(2).says("bad.yaml:5", "match")
	})
}

// TestRunPort25Blocked is the example from the issue: the timeout is the client's own.
func TestRunPort25Blocked(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	if runtime.GOOS != "linux" {
		t.Skip("a connect timeout can only be made on Linux")
	}
	mail := write(t, t.TempDir(), "m", simple("a@example.test", "b@example.test", "x"))
	run := func(script string) result {
		t.Helper()
		return execute(t, invocation{program: binary, args: []string{"run", "--scenario", "port-25-blocked", "--", "sh", "-c", script}})
	}
	res := run(`exec curl -sS --connect-timeout 3 "smtp://$MAILRIG_HOST:$MAILRIG_PORT_25" --mail-from a@example.test --mail-rcpt b@example.test -T '` + mail + `'`)
	res.want(28).says("curl: (28)")
	if res.took < 3*time.Second {
		t.Errorf("curl's time-out of 3 s came after %v", res.took)
	}
	run(`exec curl -sS --connect-timeout 3 --ssl-reqd "smtp://$MAILRIG_HOST:$MAILRIG_PORT_587" --user "$MAILRIG_USER:$MAILRIG_PASSWORD" --mail-from a@example.test --mail-rcpt b@example.test -T '` + mail + `'`).want(0)
	run(`test "$MAILRIG_SCENARIO" = port-25-blocked && test -s "$MAILRIG_CA_FILE" && exec curl -sSf "$MAILRIG_HTTP/readyz"`).want(0)
	run(`exit 42`).want(42)
}
