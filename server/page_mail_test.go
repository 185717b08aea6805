package server_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/server"
)

// post sends a form of the page, and returns where it leads.
func post(t testing.TB, s *server.Server, status int, path string, form url.Values) string {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(s.HTTPURL()+path, form)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != status {
		t.Fatalf("%s: %d", path, resp.StatusCode)
	}
	return resp.Header.Get("Location")
}

var messagePath = regexp.MustCompile(`/m/[a-z0-9]+\.[a-z0-9]+`)

func TestPageShowsMail(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0"})
	has(t, view(t, s, 200, "/mail"), "No message yet")
	news(t, s, "/live?view=/mail/alice@example.test", func() {
		deliver(t, s, "bob", "Subject: not hers\n\nx\n")
		deliver(t, s, "alice", "From: Shop <shop@a.test>\nSubject: Your code <script>\nContent-Type: text/html\n\n"+
			"<p>Your code is 482913.<script>x()</script><img src=http://track.test/p><form action=http://evil.test></form></p>\n")
	}, `data-into="rows"`, "Shop", "Your code &lt;script&gt;")
	list := view(t, s, 200, "/mail/alice@example.test/INBOX")
	has(t, list, "bob@example.test", "Shop", "Your code &lt;script&gt;")
	if strings.Contains(list, "not hers") {
		t.Error("bob's mail is in alice's list")
	}
	one := messagePath.FindString(list)
	has(t, view(t, s, 200, one), "482913", "no Date", `aria-current="page">HTML`, "1 remote address", "left out: script, form", "http://track.test/p", `<iframe class="frame" src="/frame/`)
	has(t, view(t, s, 200, one+"/text"), "made from its HTML", "Your code is 482913.")
	has(t, view(t, s, 200, one+"/headers"), "Content-Type", "text/html")
	has(t, view(t, s, 200, one+"/parts"), "text/html")
	has(t, view(t, s, 200, one+"/source"), "&lt;script&gt;x()")
	has(t, view(t, s, 200, one+"/journey"), "Came by")
	view(t, s, 404, one+"/nothing")
	view(t, s, 404, "/m/none.1")
	view(t, s, 404, "/mail/nobody@example.test")

	resp, err := http.Get(s.HTTPURL() + strings.Replace(one, "/m/", "/frame/", 1))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:;") {
		t.Error(csp)
	}
	for query, want := range map[string]bool{"subject:code": true, "482913": true, `from:"shop@a.test"`: true, "subject:other": false, "-subject:other code": true, "!from:shop": false, "-482913": false} {
		if got := messagePath.MatchString(view(t, s, 200, "/mail/alice@example.test?q="+url.QueryEscape(query))); got != want {
			t.Errorf("%s: %v", query, got)
		}
	}
	has(t, view(t, s, 200, "/mail?q=-nothing:x"), "there is no matcher nothing:")

	if to := post(t, s, 303, "/mail/send", url.Values{"to": {"carol@example.test"}, "kind": {"html"}, "back": {"/mail/carol@example.test"}}); to != "/mail/carol@example.test" {
		t.Error(to)
	}
	sent := view(t, s, 200, "/mail/carol@example.test")
	has(t, sent, "A test message")
	post(t, s, 400, "/mail/send", url.Values{"to": {"no address"}})
	for _, elsewhere := range []string{"//evil.test/mail", "http://evil.test/mail", `/mail\\evil.test`, "/sessions"} {
		if to := post(t, s, 303, "/mail/delete", url.Values{"back": {elsewhere}}); to != "/mail" {
			t.Errorf("%s leads to %s", elsewhere, to)
		}
	}
	post(t, s, 303, "/mail/delete", url.Values{"id": {strings.TrimPrefix(messagePath.FindString(sent), "/m/")}})
	has(t, view(t, s, 200, "/mail/carol@example.test"), "No message yet")
	post(t, s, 303, "/mail/delete", url.Values{"all": {"alice@example.test"}})
	has(t, view(t, s, 200, "/mail"), "not hers")
	if strings.Contains(view(t, s, 200, "/mail"), "Your code") {
		t.Error("alice's mail is still there")
	}
}

// TestPageForReaders checks that who may only read gets no switches.
func TestPageForReaders(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0", HTTPLogins: []server.HTTPLogin{{Name: "admin", Password: "a"}, {Name: "reader", Password: "r", ReadOnly: true}}})
	deliver(t, s, "alice", "Subject: hi\n\nx\n")
	base := s.HTTPURL()
	for _, path := range []string{"/", "/sessions", "/mail", "/mail/alice@example.test"} {
		for login, may := range map[string]bool{"admin:a": true, "reader:r": false} {
			resp, err := http.Get(strings.Replace(base, "http://", "http://"+login+"@", 1) + path)
			if err != nil {
				t.Fatal(err)
			}
			body := read(t, resp)
			if has := strings.Contains(body, `method="post"`) && !strings.Contains(body, `class="mails" method="post"`) || strings.Contains(body, "Send a test message") || strings.Contains(body, `type="checkbox" name="id"`); has && !may {
				t.Errorf("%s has switches for %s", path, login)
			}
			if path == "/mail" && may && !strings.Contains(body, "Send a test message") {
				t.Error("an administrator can't send")
			}
		}
		if resp, err := http.Get(base + path); err != nil || resp.StatusCode != 401 {
			t.Errorf("%s without a login: %v %v", path, resp.Status, err)
		}
	}
	resp, err := http.PostForm(strings.Replace(base, "http://", "http://reader:r@", 1)+"/mail/delete", url.Values{"all": {"alice@example.test"}})
	if err != nil || resp.StatusCode != 403 {
		t.Errorf("%v %v", resp, err)
	}
}
