package e2e

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestExactCodes checks the codes and words that clients branch on, with clients.
func TestExactCodes(t *testing.T) {
	t.Parallel()
	t.Run("smtplib and imaplib", func(t *testing.T) {
		t.Parallel()
		need(t, "python3")
		r := start(t)
		r.python("exact.py", nil, r.port(25), r.port(143)).want(0)
	})
	t.Run("curl", func(t *testing.T) {
		t.Parallel()
		need(t, "curl")
		r := start(t)
		for request, code := range map[string]string{"FOO": "500", "RCPT TO:<x@example.test>": "503", "HELP": "502"} {
			r.curl("--verbose", "--request", request, "smtp://"+r.local(25)+"/client.example").says("< 250-mail.example.test Hello client.example", "< "+code+" ")
		}
		file := write(t, t.TempDir(), "message", simple("a@example.test", "b@example.test", "quoted"))
		r.curlSend(way{25, "clear"}, `"john doe"@example.test`, `"b c"@example.test`, file).want(0)
		r.fetched(`"b c"@example.test`, `Return-Path: <"john doe"@example.test>`)
	})
	t.Run("swaks", func(t *testing.T) {
		t.Parallel()
		need(t, "swaks")
		r := start(t)
		// swaks sends whatever stands behind the address, as no other client does.
		r.swaks(way{25, "clear"}, "b@example.test", "--from", "a@example.test> RET=HDRS X=<y").want(23).says("<** 555 5.5.4 ")
		r.swaks(way{25, "clear"}, "b@example.test", "--from", "a@example.test> SIZE=99999999999 X=<y").want(23).says("<** 55")
		r.swaks(way{25, "clear"}, `"b c"@example.test`, "--from", `"john doe"@example.test`).want(0).says(`<-  250 2.0.0 I'll make sure <"b c"@example.test> gets this`)
	})
}

// TestFarewell checks that Python's libraries understand the last words of a rig that stops.
func TestFarewell(t *testing.T) {
	t.Parallel()
	need(t, "python3")
	r := start(t)
	cmd := exec.Command("python3", filepath.Join("testdata", "python", "farewell.py"), r.port(25), r.port(143), r.port(110))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v\n%s", err, stderr.String())
		}
	}()
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); line != "connected\n" {
		t.Errorf("it said %q, %v", line, err)
		return
	}
	if took := r.stop(); took > patience/4 {
		t.Errorf("it took %v to stop", took)
	}
	in.Close()
	var words struct {
		SMTP       int
		IMAP, POP3 string
	}
	if err := json.NewDecoder(lines).Decode(&words); err != nil {
		t.Error(err)
	}
	if words.SMTP != 421 || !strings.Contains(words.IMAP, "Shutting down") || !strings.Contains(words.POP3, "-ERR [SYS/TEMP] Shutting down") {
		t.Errorf("the last words were %+v", words)
	}
}
