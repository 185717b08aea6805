package server_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/server"
)

// setupAs returns the view of what to type into a mail client, for one who asks with this login (name:password) and Host header.
func setupAs(t testing.TB, s *server.Server, login, host string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.HTTPURL()+"/setup", nil)
	if err != nil {
		t.Fatal(err)
	}
	if name, password, ok := strings.Cut(login, ":"); ok {
		req.SetBasicAuth(name, password)
	}
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", host, resp.Status, err)
	}
	return string(body)
}

// TestSetupNamesTheServer checks that the server's name is one that a mail client can use, and that the certificate has,
// whatever the browser's Host header looks like.
func TestSetupNamesTheServer(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0", Hostnames: []string{"mail.example.test"}})
	for host, want := range map[string]string{
		"localhost:8025": "localhost", "127.0.0.1:8025": "localhost", "127.0.0.1": "localhost", "127.9.8.7:1": "localhost",
		"[::1]:8025": "localhost", "[::1]": "localhost", "[::ffff:127.0.0.1]:8025": "localhost", "LOCALHOST.:8025": "localhost",
		"Mail.Example.TEST:8025": "mail.example.test", "mail.example.test.": "mail.example.test",
	} {
		if view := setupAs(t, s, "", host); !strings.Contains(view, "<dt>Server</dt><dd><code>"+want+"</code>") {
			t.Errorf("Host %s: the server isn't called %s", host, want)
		}
	}
}

// TestSetupHidesThePassword checks that who may only look at the page can't log in to mailboxes with what it says.
func TestSetupHidesThePassword(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{
		HTTP: "127.0.0.1:0", Users: []server.User{{Name: "carol@example.test", Password: "p<ss&word"}},
		HTTPLogins: []server.HTTPLogin{{Name: "admin", Password: "a"}, {Name: "reader", Password: "r", ReadOnly: true}},
	})
	const shown = "<dt>Password</dt><dd><code>p&lt;ss&amp;word</code>"
	has(t, setupAs(t, s, "admin:a", "localhost"), "<code>carol@example.test</code>", shown, "only carol@example.test")
	reader := setupAs(t, s, "reader:r", "localhost")
	has(t, reader, "<code>carol@example.test</code>", "only carol@example.test")
	if strings.Contains(reader, "Password</dt>") || strings.Contains(reader, "p&lt;ss") {
		t.Error("a reader sees the password")
	}
}

// TestSetupGuide checks what a client's guide is made of: the real ports, the doors and the host that the address names, and
// nothing else that somebody wrote into a link.
func TestSetupGuide(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0", Hostnames: []string{"mail.example.test"}})
	port := func(number int) string {
		for _, d := range s.Doors() {
			if d.Port == number {
				_, p, _ := strings.Cut(d.Address, ":")
				return p
			}
		}
		return ""
	}
	has(t, view(t, s, 200, "/setup/msmtp"), "host localhost", "port "+port(587), "tls_starttls on", "tls_trust_file "+s.CAFile())
	has(t, view(t, s, 200, "/setup/msmtp?smtp=465&at=mail.example.test"), `href="/setup/curl?at=mail.example.test&amp;smtp=465"`, "host mail.example.test", "port "+port(465), "tls_starttls off")
	for _, at := range []string{"$(id)", "a b", "a;b", "-x", "'", "a\nb"} {
		has(t, view(t, s, 200, "/setup/curl?at="+url.QueryEscape(at)), "is neither the name of a host nor its address", "://localhost:"+port(587))
	}
	has(t, view(t, s, 200, "/setup/msmtp?smtp=9"), "port "+port(587))
	has(t, view(t, s, 404, "/setup/nobody"), "no guide for")
}
