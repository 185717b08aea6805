package e2e

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/transcript"
)

// TestCanReceiveCannotSend is the article's case, end to end: a client set up for 993 and 25 while 25 is blocked, and
// the same client set up for 587.
func TestCanReceiveCannotSend(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	if runtime.GOOS != "linux" {
		t.Skip("a connect timeout can only be made on Linux")
	}
	knocked := func(s *transcript.Session) bool {
		return slices.ContainsFunc(s.Units, func(u transcript.Unit) bool { return u.Event == transcript.Knocked })
	}
	for _, c := range []struct {
		name   string
		send   way
		fails  bool
		advice []string
	}{
		{"993 and 25", way{25, "clear"}, true, []string{"For sending, use port 587 with STARTTLS", "465 with SSL/TLS", "log in"}},
		{"993 and 25, with STARTTLS", way{25, "starttls"}, true, []string{"For sending, use port 587 with STARTTLS", "465 with SSL/TLS", "log in"}},
		{"993 and 587", way{587, "starttls"}, false, nil},
		{"993 and 465", way{465, "tls"}, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, "--scenario", "receive-but-not-send")
			r.curlIMAP(way{993, "tls"}, r.User, "/").want(0)
			letter := write(t, t.TempDir(), "letter", crlf(letter))
			status := 0
			if c.fails {
				status = 28
			}
			r.curlSend(c.send, r.User, "bob@example.test", letter, "--connect-timeout", "2").want(status)
			if c.fails {
				eventually(t, "the attempt is known", func() bool { return slices.ContainsFunc(r.records(t), knocked) })
			}
			found := r.findings(t)
			i := slices.IndexFunc(found, func(f diagnose.Finding) bool { return f.ID == "can-receive-cannot-send" })
			if !c.fails {
				if wrong := bad(found, diagnose.Warning); len(wrong) > 0 {
					t.Errorf("all is well, and mailrig says\n%s", show(wrong))
				}
				return
			}
			if i < 0 {
				t.Fatalf("nobody is told that it can receive and not send:\n%s", show(found))
			}
			for _, w := range c.advice {
				if !strings.Contains(found[i].Advice, w) {
					t.Errorf("the advice %q doesn't say %q", found[i].Advice, w)
				}
			}
			if !strings.Contains(found[i].Explanation, "port 25.") || !slices.Contains(found[i].Injected, "receive-but-not-send") {
				t.Errorf("%+v", found[i])
			}
			if found[i].Client == "" {
				t.Errorf("whose finding is it? %+v", found[i])
			}

			// Its user follows the advice.
			r.curlSend(way{587, "starttls"}, r.User, "bob@example.test", letter).want(0)
			eventually(t, "the finding is gone", func() bool {
				c := diagnose.NewCase(transcript.Records(r.records(t)), time.Now())
				c.Over = true
				return !slices.ContainsFunc(c.Findings(false), func(f diagnose.Finding) bool {
					return f.ID == "can-receive-cannot-send" || f.ID == "stuck-on-port-25"
				})
			})
		})
	}
}
