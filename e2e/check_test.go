package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// checked is what mailrig check --json prints, as far as the tests need it.
type checked struct {
	Good     bool `json:"good"`
	Settings []struct {
		Protocol   string `json:"protocol"`
		Server     string `json:"server"`
		Door       int    `json:"door"`
		Encryption string `json:"encryption"`
	} `json:"settings"`
	Doors []struct {
		Port  int    `json:"port"`
		State string `json:"state"`
		Login *struct {
			State string `json:"state"`
		} `json:"login"`
	} `json:"doors"`
	RoundTrip *struct {
		OK      bool    `json:"ok"`
		Seconds float64 `json:"seconds"`
	} `json:"round_trip"`
	Problems []struct {
		ID    string `json:"id"`
		Ports []int  `json:"ports"`
	} `json:"problems"`
}

func (res result) checked() checked {
	res.t.Helper()
	var c checked
	if err := json.Unmarshal([]byte(res.out), &c); err != nil {
		res.t.Fatalf("%s printed no report: %v\n%s\n%s", res.line, err, clip(res.out), clip(res.err))
	}
	return c
}

// TestCheckInsideRun checks that check finds the doors through run's variables, without a flag.
func TestCheckInsideRun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, scenario string
		args           []string
		code           int
		says           []string
	}{
		{"correct", "", []string{"--send"}, 0, []string{"Nothing that a client needs is wrong", "the test message came back in", "Incoming mail (IMAP)   localhost"}},
		{"host by name", "", []string{"localhost"}, 0, []string{"Nothing that a client needs is wrong", " ok\n"}},
		{"host by address", "", []string{"127.0.0.1"}, 0, []string{"Nothing that a client needs is wrong", " ok\n"}},
		{"the article's case", "receive-but-not-send", []string{"--timeout", "1s"}, 0, []string{"Port 25: no connection within 1 s", "with STARTTLS; port 25 is for mail between servers"}},
		{"expired", "cert-expired", nil, 1, []string{"What is wrong", "the certificate expired on", "not tried: the certificate doesn't verify"}},
		{"app password", "auth-app-password-needed", nil, 1, []string{"make an app password in the account's security settings"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			args := []string{"run", "-q"}
			if c.scenario != "" {
				args = append(args, "--scenario", c.scenario)
			}
			args = append(append(args, "--", binary, "check"), c.args...)
			execute(t, invocation{program: binary, args: args}).want(c.code).says(c.says...).silent()
		})
	}
}

// TestCheckKeepsToTheRig checks that what run says about its rig isn't used for another server, least of all the
// account.
func TestCheckKeepsToTheRig(t *testing.T) {
	t.Parallel()
	res := execute(t, invocation{program: binary, args: []string{"run", "--", binary, "check", "--json", "--timeout", "1s", "--door", "143=127.0.0.1:1", "other.invalid"}}).want(1)
	c := res.checked()
	if strings.Contains(res.out, "alice") || len(c.Doors) != 8 || !strings.Contains(res.out, `"address":"other.invalid:993"`) {
		t.Errorf("%s", clip(res.out))
	}
}

// TestCheckIsSeen checks that what the rig recorded about a check is what docs/check.md promises.
func TestCheckIsSeen(t *testing.T) {
	t.Parallel()
	r := start(t, "--user", "alice@example.test:right")
	args := []string{"check", "localhost", "--ca", r.CAFile, "--json", "--user", "alice@example.test"}
	for _, d := range r.Doors {
		args = append(args, "--door", strconv.Itoa(d.Port)+"="+r.port(d.Port))
	}
	res := r.runIn(invocation{program: binary, args: args, env: []string{"MAILRIG_PASSWORD=wrong"}}).want(1)
	if c := res.checked(); c.Good {
		t.Error("good with a wrong password")
	}
	res = r.runIn(invocation{program: binary, args: args, env: []string{"MAILRIG_PASSWORD=right"}}).want(0)
	if c := res.checked(); !c.Good || len(c.Settings) != 7 {
		t.Errorf("%+v", c)
	}
	refused, in := 0, 0
	for _, s := range r.sessions() {
		for _, l := range s.Logins {
			switch {
			case !l.Secure:
				t.Errorf("a login in clear: %+v", s)
			case l.OK:
				in++
			default:
				refused++
			}
		}
	}
	if refused != 1 || in != 3 {
		t.Errorf("%d logins refused, want 1; %d accepted, want 3", refused, in)
	}
}

// TestCheckStops checks that Ctrl-C ends a check at once, with what is known.
func TestCheckStops(t *testing.T) {
	t.Parallel()
	r := start(t, "--scenario", "silent-server")
	args := []string{"check", "localhost", "--timeout", "1h"}
	for _, d := range r.Doors {
		args = append(args, "--door", strconv.Itoa(d.Port)+"="+r.port(d.Port))
	}
	cmd := exec.Command(binary, args...)
	cmd.Env = cleanEnv(t.TempDir())
	out := &buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { defer close(exited); _ = cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-exited })

	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for len(r.sessions()) < len(r.Doors) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after %v only %d connections\n%s", patience, len(r.sessions()), out)
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case <-exited:
	case <-deadline:
		t.Fatal("it doesn't stop")
	}
	if s := out.String(); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(s, "The check was stopped before it was done") || !strings.Contains(s, "993") {
		t.Errorf("status %d\n%s", cmd.ProcessState.ExitCode(), s)
	}
}

// TestCheckAsks checks that check asks for the password at a terminal.
func TestCheckAsks(t *testing.T) {
	t.Parallel()
	r := start(t, "--user", "alice@example.test:s3cret-word")
	line := binary + " check localhost --smtp off --pop3 off --imap tls --user alice@example.test --ca " + r.CAFile + " --door 993=" + r.port(993)
	res := r.runIn(invocation{program: "script", args: []string{"-qec", line, "log"}, stdin: []byte("s3cret-word\n")}).want(0)
	res.says("Password of alice@example.test: ", "Nothing that a client needs is wrong")
}
