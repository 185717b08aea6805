package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/testkit/await"
	"github.com/mailrig/mailrig/internal/transcript"
)

// thunderbirds is how long Thunderbird may take for each step. It takes seconds on an idle machine.
const thunderbirds = 4 * patience

// TestThunderbird lets Debian's Thunderbird sign in by OAuth, with the add-on that the rig serves and nothing else that is unusual. Its tokens
// last 20 seconds: it refreshes one before each new connection. It opens the mailbox, and gets mail that arrives during IDLE.
func TestThunderbird(t *testing.T) {
	t.Parallel()
	long(t)
	r := start(t, "--auth", "tokens", "--token-lifetime", "20s")
	goSends(t, r, way{25, "clear"}, "alice@example.test", simple("bob@example.test", "alice@example.test", "before"))
	r.thunderbird(t)
	r.shows(t, "Thunderbird signs in", "thunderbird asked for a token by authorization_code for alice@example.test")
	r.shows(t, "Thunderbird refreshes its token", "thunderbird asked for a token by refresh_token for alice@example.test", "got token")
	waits := []string{"AUTHENTICATE XOAUTH2 ***", `select "INBOX"`, " IDLE", "S: + "}
	r.shows(t, "Thunderbird waits in the mailbox", waits...)
	goSends(t, r, way{25, "clear"}, "alice@example.test", simple("bob@example.test", "alice@example.test", "during"))
	r.shows(t, "Thunderbird fetches the message of which it has heard during IDLE", append(waits, "S: * 2 EXISTS", "C: DONE", "UID fetch 2 ", "Subject: during")...)
	for _, id := range []string{"pkce-missing", "refresh-token-lost", "token-not-refreshed", "token-scope-missing", "refused-grant-sent-again"} {
		if r.finds(t, id) {
			t.Errorf("mailrig finds %s", id)
		}
	}
}

// TestThunderbirdRefused refuses Thunderbird's token, whose clock is a day behind the mail server's, and checks that mailrig explains it.
func TestThunderbirdRefused(t *testing.T) {
	t.Parallel()
	long(t)
	r := start(t, "--auth", "tokens", "--scenario", "oauth-clock-skew")
	r.thunderbird(t)
	r.shows(t, "Thunderbird's token is refused", "AUTHENTICATE XOAUTH2 ***", "-- token 1 of grant 1 (thunderbird) ended", "NO [AUTHENTICATIONFAILED]")
	if !r.finds(t, "login-refused") {
		t.Error("mailrig doesn't explain the refusal")
	}
}

// shows waits until the dialogue of a session has all of these parts, in this order.
func (r *rig) shows(t *testing.T, what string, parts ...string) {
	t.Helper()
	await.True(t, thunderbirds, what, func() bool {
		return slices.ContainsFunc(r.records(t), func(s *transcript.Session) bool { return hasInOrder(s, parts) })
	})
}

func hasInOrder(s *transcript.Session, parts []string) bool {
	text := s.Dialogue()
	for _, p := range parts {
		_, after, found := strings.Cut(text, p)
		if !found {
			return false
		}
		text = after
	}
	return true
}

// thunderbird starts Thunderbird with a profile that has one account at the rig, the rig's CA and the rig's add-on. It ends with the test.
func (r *rig) thunderbird(t *testing.T) {
	t.Helper()
	need(t, "thunderbird", "certutil", "curl")
	home := t.TempDir()
	profile := filepath.Join(home, "profile")
	settings, err := os.ReadFile("testdata/thunderbird/user.js")
	if err != nil {
		t.Fatal(err)
	}
	write(t, profile, "user.js", []byte(strings.ReplaceAll(string(settings), "PORT", r.port(993))))
	write(t, profile, "extensions/mailrig@example.test.xpi", r.get(t, "/oauth2/thunderbird.xpi"))
	for _, args := range [][]string{{"-N", "--empty-password"}, {"-A", "-n", "mailrig", "-t", "C,,", "-i", r.CAFile}} {
		r.run("certutil", append(args, "-d", "sql:"+profile)...).want(0)
	}
	script, err := filepath.Abs("testdata/thunderbird/browser")
	if err != nil {
		t.Fatal(err)
	}
	const links = "x-scheme-handler/http"
	write(t, home, ".local/share/applications/browser.desktop", fmt.Appendf(nil, "[Desktop Entry]\nType=Application\nName=browser\nExec=sh %s %%u\nMimeType=%s;\n", script, links))
	write(t, home, ".config/mimeapps.list", fmt.Appendf(nil, "[Default Applications]\n%s=browser.desktop\n", links))

	out := &buffer{}
	cmd := exec.Command("thunderbird", "--headless", "--no-remote", "--profile", profile)
	cmd.Env = append(cleanEnv(home), "MOZ_CRASHREPORTER_DISABLE=1")
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its children end with it
	cmd.WaitDelay = 2 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("Thunderbird said:\n%s", clip(out.String()))
		}
	})
}
