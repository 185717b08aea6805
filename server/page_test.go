package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/server"
)

// view fetches a view of the page.
func view(t testing.TB, s *server.Server, status int, path string) string {
	t.Helper()
	resp, err := http.Get(s.HTTPURL() + path)
	if err != nil {
		t.Fatal(err)
	}
	body := read(t, resp)
	if resp.StatusCode != status {
		t.Fatalf("%s: %d\n%s", path, resp.StatusCode, body)
	}
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "script-src 'unsafe") {
		t.Errorf("%s: %s", path, csp)
	}
	return body
}

// read returns the body of an answer.
func read(t testing.TB, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// has checks that a view contains texts, in this order.
func has(t testing.TB, text string, want ...string) {
	t.Helper()
	at := 0
	for _, w := range want {
		next := strings.Index(text[at:], w)
		if next < 0 {
			t.Fatalf("no %q behind %d in\n%s", w, at, text)
		}
		at += next + len(w)
	}
}

func TestPageOfAnEmptyRig(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0"})
	now := view(t, s, 200, "/")
	_, port, _ := strings.Cut(addr(t, s, 25), ":")
	has(t, now, "<b>25</b>", "STARTTLS offered", "at "+port+"</span>", "STARTTLS required", "SSL/TLS", "No scenario is active", "swaks --server localhost:"+port, "mailrig use port-25-blocked --http "+strings.Replace(s.HTTPURL(), "localhost", "127.0.0.1", 1))
	has(t, view(t, s, 200, "/sessions"), "Nobody has connected yet")
	has(t, view(t, s, 404, "/sessions/99"), "There is no session")
	has(t, view(t, s, 200, "/setup"), "What to type into a mail client", "<code>localhost</code>", "any user name with any password", `href="/ca.pem"`,
		"<td><code>"+port+"</code></td><td>STARTTLS (or none)</td><td>not needed</td>")
	for _, unwanted := range []string{"<script>", " style=", " onclick=", "http-equiv"} {
		if strings.Contains(now, unwanted) {
			t.Errorf("%q in the page", unwanted)
		}
	}
}

// misconfigured connects as a client that speaks clear text on a port for TLS, and waits for the finding.
func misconfigured(t testing.TB, s *server.Server) {
	t.Helper()
	c := plain(t, s, 465)
	fmt.Fprintf(c, "EHLO x\r\n")
	_, _ = io.Copy(io.Discard, c)
	until(t, "a finding", func() bool { return len(s.Findings()) > 0 })
}

func TestPageShowsFindingAtItsLine(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0"})
	misconfigured(t, s)
	c := dial(t, s, 143)
	if err := c.say("", "* OK"); err != nil {
		t.Fatal(err)
	}
	if err := c.say("a LOGIN <script>x</script> secret", "a OK"); err != nil {
		t.Fatal(err)
	}
	until(t, "the second finding", func() bool { return len(s.Findings()) > 1 }) // while the client is connected
	has(t, view(t, s, 200, "/sessions/1"), "clear text on a port that needs TLS", `id="fclear-text-on-tls-port"`)
	two := view(t, s, 200, "/sessions/2")
	has(t, two, `class="tag open"`, "1 finding", `id="l2"`, "LOGIN", "password-sent-in-clear", "Set encryption")
	has(t, two, `class="fold"`, "<code>* OK [CAPABILITY …] IMAP server ready</code>", " capabilities</span>", "AUTH=PLAIN")
	if strings.Contains(two, "<script>x") || strings.Contains(two, "secret") {
		t.Errorf("hostile text, or a secret:\n%s", two)
	}
	has(t, view(t, s, 200, "/sessions"), "#2", "#1")
	for query, want := range map[string]string{
		"has:error": "#2#1", "door:143": "#2", "-door:143": "#1", `is:open "login"`: "#2", "finding:password": "#2", "EHLO": "", "is:ended": "#1", "user:nobody": "", "!has:error": "",
	} {
		got := ""
		for part := range strings.SplitSeq(view(t, s, 200, "/sessions?q="+url.QueryEscape(query)), `<span class="c-id">`) {
			if id, _, ok := strings.Cut(part, "</span>"); ok && strings.HasPrefix(id, "#") {
				got += id
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	has(t, view(t, s, 200, "/sessions?q=colour:red"), "there is no matcher colour:")
	has(t, view(t, s, 200, "/sessions/2.txt"), "session 2:", "^ error: The password")
	has(t, two, `href="/sessions/2.yaml" download`)
	has(t, view(t, s, 200, "/sessions/2.yaml"), "name: session-2", "door: 143")
	view(t, s, 404, "/sessions/99.yaml")
	has(t, view(t, s, 200, "/"), "What to change", "The password crossed the network unencrypted", "What happened", "#2")
}

// news reads a stream of news until it has seen all texts in order.
func news(t testing.TB, s *server.Server, path string, do func(), want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", s.HTTPURL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	do()
	var seen strings.Builder
	for lines := bufio.NewScanner(resp.Body); len(want) > 0; {
		if !lines.Scan() {
			t.Fatalf("no %q in\n%s", want[0], seen.String())
		}
		seen.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), want[0]) {
			want = want[1:]
		}
	}
}

func TestPageIsLive(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0"})
	at := func() string {
		_, rest, _ := strings.Cut(view(t, s, 200, "/"), `data-live="`)
		position, _, _ := strings.Cut(rest, `"`)
		return position
	}
	before := at()
	news(t, s, "/live?view=/&after="+before, func() { misconfigured(t, s) }, "event: page", `data-into="errors"`)
	// One that comes back hears what it missed.
	news(t, s, "/live?view=/sessions&after="+before, func() {}, `id="s1" data-into="rows"`, "Unencrypted commands")
	news(t, s, "/live?view="+url.QueryEscape("/sessions?q=door:25")+"&after="+before, func() {}, `id="s1">`)
	// One from another run has to begin anew.
	news(t, s, "/live?view=/sessions&after=0123456789ab-0-0-0", func() {}, "event: stale")
	c := dial(t, s, 25)
	news(t, s, "/live?view=/sessions/2&after="+at(), func() {
		if err := errors.Join(c.say("", "220"), c.say("EHLO new", "250")); err != nil {
			t.Fatal(err)
		}
	}, `data-into="dialogue"`, "EHLO new")
	if resp, err := http.Get(s.HTTPURL() + "/live?view=/nothing"); err != nil || resp.StatusCode != 404 {
		t.Errorf("%v %v", resp, err)
	}
}

// TestHeadOfAStream checks that asking for the head of a stream takes no place among its readers.
func TestHeadOfAStream(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0"})
	for _, path := range []string{"/live?view=/", "/api/v1/events"} {
		for range 70 { // more than there are places
			resp, err := http.Head(s.HTTPURL() + path)
			if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
				t.Fatalf("%s: %v %v", path, resp, err)
			}
		}
		resp, err := http.Get(s.HTTPURL() + path)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %v %v", path, resp, err)
		}
		resp.Body.Close()
	}
}

// BenchmarkPage measures how long views of 1,000 sessions and 10,000 messages take until their first byte, and in all.
func BenchmarkPage(b *testing.B) {
	s := start(b, server.Config{HTTP: "127.0.0.1:0"})
	for range 1000 {
		c := dial(b, s, 25)
		if err := errors.Join(c.say("", "220"), c.say("QUIT", "221")); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
	for i := range 10_000 {
		deliver(b, s, fmt.Sprintf("user%d", i%10), fmt.Sprintf("Subject: message %d\n\nHello\n", i))
	}
	for _, path := range []string{"/", "/sessions", "/sessions/500", "/sessions?q=QUIT", "/mail", "/mail/user1@example.test/INBOX"} {
		b.Run(strings.ReplaceAll(path, "/", "_"), func(b *testing.B) {
			var first time.Duration
			for b.Loop() {
				began := time.Now()
				resp, err := http.Get(s.HTTPURL() + path)
				if err != nil {
					b.Fatal(err)
				}
				first += time.Since(began)
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			b.ReportMetric(first.Seconds()*1000/float64(b.N), "first-ms")
		})
	}
}
