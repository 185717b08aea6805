package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestFindingsOnTheConsole gives curl the wrong encryption for a port. Below the session, serve says what to change, in
// the article's words.
func TestFindingsOnTheConsole(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	r := start(t)
	console := func(want string) {
		t.Helper()
		eventually(t, fmt.Sprintf("%q is on the console", want), func() bool { return strings.Contains(r.err.String(), want) })
	}
	const user = "alice@example.test:secret"
	r.curl("--user", user, "--max-time", "10", fmt.Sprintf("imaps://%s/", r.local(143)))
	console("error: SSL/TLS on a port that starts unencrypted. Port 143 starts unencrypted. Set encryption to STARTTLS, or keep SSL/TLS and use port 993.")
	console("#1 143 imap")

	// Waiting for a greeting that never comes is reported while curl is still waiting.
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.curl("--user", user, "--max-time", "8", fmt.Sprintf("imap://%s/", r.local(993)))
	}()
	console("Port 993 needs TLS from the first byte. Set encryption to SSL/TLS, or keep STARTTLS and use port 143.")
	select {
	case <-done:
		t.Error("told only when curl had given up")
	default:
	}
	<-done
	if n := strings.Count(r.err.String(), "#2 warning"); n != 1 {
		t.Errorf("told %d times:\n%s", n, r.err.String())
	}

	// There is nothing to say about a correct session of a correct client.
	r.curl("--user", user, fmt.Sprintf("imaps://%s/", r.local(993))).want(0)
	r.curl("--user", user, "--ssl-reqd", fmt.Sprintf("imap://%s/", r.local(143))).want(0)
	console("#4 143 imap")
	for _, line := range strings.Split(r.err.String(), "\n") {
		for _, n := range []string{"#3 error", "#4 error", "#3 warning", "#4 warning"} {
			if strings.Contains(line, n) {
				t.Error(line)
			}
		}
	}
}
